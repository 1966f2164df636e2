/*
 * Who waits for a response is woken: response_ready, with two receiving threads, two answering workers, three requests and store
 * buffers.
 *
 * One thread waits for two responses one after the other, the other for one; both begin again as often as they like. One of them at
 * a time sleeps on the semaphore, the other waits inside the process for it.
 *
 * Abstracted:
 *   Sleeps have no slices: whoever needed one here would sleep for ever.
 *   A spinning receiver is one that looks late and finds something: it takes no token either.
 *   A frame is its state: published at once for a worker to see, which ./requests is about. The ring is ../ring's concern.
 *   The handler of one request lasts until the other thread has its response, so that this one must not wait for the first.
 *
 * Checked: no invalid end state. The model may stop when both threads have what they waited for.
 */

#define THREADS 4
#define RESPONSE_READY 0
#define SEMAPHORES 1
#define STATE 1           /* of slot 0, 1, 2 */
#define VARIABLES 4
#define POSTERS 2

#include "store_buffers.pml"

#define RESPONSE 0
#define REQUEST 1

bit open[3];              /* requests that no worker has taken */
bit waits[2];             /* the receiver wants a response */

/* The client's, under its lock. */
bit client;
bit sleeping;             /* the role of sleeping on response_ready is taken */
bit inside[2];            /* waits inside, ... */
byte inside_for[2];       /* ... for the response in this slot */

bit server;               /* its lock */

#define is_answered(slot) (load(STATE + (slot)) == RESPONSE)
#define other (1 - me)

inline receive(slot) {
	lock(client);
	do
	:: atomic { is_answered(slot) -> break }
#ifdef FAULT_TWO_SLEEPERS
	:: atomic { !is_answered(slot) -> skip };
#else
	:: atomic { !is_answered(slot) && sleeping -> inside[me] = 1; inside_for[me] = slot };
		unlock(client);
		atomic { !inside[me] -> inside_for[me] = 0 };
		lock(client)
	:: atomic { !is_answered(slot) && !sleeping -> sleeping = 1 };
#endif
		unlock(client);
		sleep(RESPONSE_READY);
#ifndef FAULT_NO_FENCE_AFTER_WAITING
		fence();
#endif
		lock(client);
		sleeping = 0;
#ifndef FAULT_ONE_TOKEN_FOR_ONE_ANSWER
		/* One token may stand for many answers. */
		atomic { if :: inside[other] && is_answered(inside_for[other]) -> inside[other] = 0 :: else fi }
#endif
	od;
#ifdef FAULT_TOKEN_TAKEN_AWAKE
	/* Tidies up the token that its answer may have left. */
	if
	:: sleep(RESPONSE_READY); fence()
	:: atomic { load(RESPONSE_READY) == 0 -> skip }
	fi;
#endif
#ifndef FAULT_ROLE_LEFT_SILENTLY
	/* Somebody else may have to take over the role. */
	atomic { if :: !sleeping && inside[other] -> inside[other] = 0 :: else fi };
#endif
	unlock(client)
}

proctype receiver(byte me; byte first; byte end_of_mine) {
	byte slot;

	do
	:: atomic { slot = first;
		do
		:: slot < end_of_mine -> memory[STATE + slot] = REQUEST; open[slot] = 1; slot++
		:: else -> break
		od;
		slot = first; waits[me] = 1 };
		do
		:: slot < end_of_mine -> receive(slot); slot++
		:: else -> slot = 0; waits[me] = 0; break
		od
	:: break
	od
}

#define TAKE(i) atomic { open[i] -> open[i] = 0; slot = i }

proctype worker(byte me) {
	byte slot;

end:
	do
	:: if :: TAKE(0) :: TAKE(1) :: TAKE(2) fi;
		/* The handler. */
		atomic { slot != 1 || !waits[1] -> skip };
#ifdef FAULT_POST_BEFORE_ANSWERING
		fence();
		post_if_zero(RESPONSE_READY);
		store(STATE + slot, RESPONSE);
#else
		store(STATE + slot, RESPONSE);
		lock(server);
#ifndef FAULT_NO_FENCE_AFTER_ANSWERING
		fence();
#endif
		post_if_zero(RESPONSE_READY);
		unlock(server);
#endif
		slot = 0
	od
}

init { atomic { run receiver(0, 0, 2); run receiver(1, 2, 3); run worker(2); run worker(3) } }
