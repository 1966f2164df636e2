/*
 * Who waits for room is woken: space_available, with a sender, another thread of the same client that waits for the response, a
 * server's worker and store buffers.
 *
 * The ring has room for one frame. It ends in every way that there is: one-way and consumed by the server; answered and released
 * by the other thread; given up by that thread and so cancelled, or, once taken, abandoned. Then the sender, which may be asleep
 * since before, sends the next.
 *
 * Abstracted:
 *   Sleeps have no slices: whoever needed one here would sleep for ever.
 *   That server and receiver wake when they should is ./requests' and ./responses' concern. Many frames are ../ring's.
 *   To set the flag "abandoned" is a plain store, weaker than the seq_cst operation that the protocol asks for.
 *
 * Checked: no invalid end state. The model may stop when the sender has sent all it wanted.
 */

#define THREADS 3
#define SPACE_AVAILABLE 0
#define SEMAPHORES 1
#define STATE 1
#define ABANDONED 2
#define VARIABLES 3
#define POSTERS 2

#include "store_buffers.pml"

#define REQUEST 1
#define PROCESSING 2
#define RESPONSE 3
#define CONSUMED 5
#define CANCELLED 6

/* The client's private list, under its lock. */
bit client;
bit one_way;
bit cancelled;
bit abandoned;
bit released;
bit awaited;              /* the other thread waits for the response */

bit published;            /* written_count covers a frame that the server has not passed */
bit server;               /* the server's lock */

#define swap(from, to) fence() && load(STATE) == from -> memory[STATE] = to

inline release() {
	store(STATE, CONSUMED);
	released = 1
}

#define is_over (released || ((one_way || cancelled) && load(STATE) == CONSUMED))

proctype sender(byte me) {
	released = 1;         /* there is no frame yet */
	do
	:: lock(client);
		do
		:: atomic { !(abandoned && !released && load(STATE) == RESPONSE) && is_over -> break }
		:: atomic { abandoned && !released && load(STATE) == RESPONSE -> release() }
		:: atomic { !(abandoned && !released && load(STATE) == RESPONSE) && !is_over -> skip };
			unlock(client);
			sleep(SPACE_AVAILABLE);
#ifndef FAULT_NO_FENCE_AFTER_WAITING
			fence();
#endif
			lock(client)
		od;
		fence();
		atomic {
			memory[STATE] = REQUEST; memory[ABANDONED] = 0;
			cancelled = 0; abandoned = 0; released = 0;
			if :: one_way = 1 :: one_way = 0; awaited = 1 fi;
			published = 1
		}
		unlock(client)
	:: break
	od
}

proctype receiver(byte me) {
end:
	do
	:: awaited ->
		if
		:: atomic { load(STATE) == RESPONSE -> skip };
			lock(client);
			release();
			fence();      /* for a draining server: the sender finds this one out under the lock */
			post_if_zero(SPACE_AVAILABLE)
		/* Gives up at any time. */
		:: lock(client);
			if
			:: atomic { swap(REQUEST, CANCELLED); cancelled = 1 }
			:: atomic { fence() && load(STATE) != REQUEST -> abandoned = 1 };
				store(ABANDONED, 1);
#ifndef FAULT_NO_FENCE_AFTER_ABANDONING
				fence();
#endif
				if
#ifndef FAULT_NO_LOOK_AFTER_ABANDONING
				:: atomic { load(STATE) == RESPONSE -> release() };
					fence();
					post_if_zero(SPACE_AVAILABLE)
				:: atomic { load(STATE) != RESPONSE -> skip }
#else
				:: skip
#endif
				fi
			fi
		fi;
		awaited = 0;
		unlock(client)
	od
}

proctype worker(byte me) {
	bit wanted;

end:
	do
	:: published -> published = 0;
		if
		:: atomic { fence() && load(STATE) == CANCELLED -> store(STATE, CONSUMED) };
#ifndef FAULT_NO_FENCE_AFTER_SKIPPING
			fence();
#endif
			post_if_zero(SPACE_AVAILABLE)
		:: atomic { swap(REQUEST, PROCESSING) };
			if
			:: one_way ->
				store(STATE, CONSUMED);
				lock(server);
#ifndef FAULT_NO_FENCE_AFTER_ONE_WAY
				fence();
#endif
				post_if_zero(SPACE_AVAILABLE);
				unlock(server)
			:: !one_way ->
#ifdef FAULT_FLAG_BEFORE_STATE
				wanted = load(ABANDONED);
				store(STATE, RESPONSE);
				lock(server);
				fence();
#else
				store(STATE, RESPONSE);
				lock(server);
#ifndef FAULT_NO_FENCE_AFTER_ANSWERING
				fence();
#endif
				/* The flag may be the next frame's by now: a post too many. */
				wanted = load(ABANDONED);
#endif
#ifdef FAULT_ABANDONED_SILENTLY
				wanted = 0;
#endif
				if
				:: atomic { wanted -> wanted = 0 }; post_if_zero(SPACE_AVAILABLE)
				:: atomic { !wanted -> skip }
				fi;
				unlock(server)
			fi
		fi
	od
}

init { atomic { run sender(0); run receiver(1); run worker(2) } }
