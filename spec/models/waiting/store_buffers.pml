/*
 * Memory as a thread sees it through a store buffer: its stores become visible to others later, in their order, and its loads may
 * be earlier than its own stores before them (total store order). Without fences this is where wake-ups get lost.
 *
 * Two things are weaker than x86, so that the model also speaks for machines whose locked operations are no fences:
 *   taking a lock lets earlier stores wait in the buffer;
 *   taking a semaphore's token is acquire only, as in glibc: the decrement itself may wait in the buffer, and others go on to
 *   read the old value. Nobody else changes the value meanwhile.
 * Letting a lock go and posting a semaphore are releases: what was stored before is visible before.
 *
 * The including model defines THREADS, VARIABLES and, as `me`, who runs. Semaphores are the variables below SEMAPHORES.
 */

byte memory[VARIABLES];
bit taking[SEMAPHORES];                          /* a decrement is on its way */
chan buffer[THREADS] = [3] of { byte, byte };    /* variable, value */

#define load(variable) memory[variable]
#define store(variable, value) buffer[me]!variable,value
#define fence() empty(buffer[me])

#define lock(mutex) atomic { !mutex -> mutex = 1 }
#define unlock(mutex) atomic { fence() -> mutex = 0 }

/* Takes a token. The caller passes a fence before it looks. */
#define sleep(semaphore) atomic { load(semaphore) > 0 && !taking[semaphore] -> \
	taking[semaphore] = 1; store(semaphore, load(semaphore) - 1) }

/* The one rule for posting, behind the caller's fence: only where the value reads 0. */
#define post_if_zero(semaphore) \
	if \
	:: atomic { load(semaphore) == 0 -> skip }; \
		atomic { fence() && !taking[semaphore] -> memory[semaphore] = memory[semaphore] + 1; assert(memory[semaphore] <= POSTERS) } \
	:: atomic { load(semaphore) > 0 -> skip } \
	fi

#define BECOMES_VISIBLE(thread) atomic { nempty(buffer[thread]) -> \
	buffer[thread]?variable,value; \
	memory[variable] = value; \
	if :: variable < SEMAPHORES -> taking[variable] = 0 :: else fi; \
	variable = 0; value = 0 }

active proctype becomes_visible() {
	byte variable, value;

end:
	do
	:: BECOMES_VISIBLE(0)
	:: BECOMES_VISIBLE(1)
#if THREADS > 2
	:: BECOMES_VISIBLE(2)
#endif
#if THREADS > 3
	:: BECOMES_VISIBLE(3)
#endif
	od
}
