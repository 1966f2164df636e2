/*
 * Who waits for a request is woken: request_ready, with one publishing thread, two workers and store buffers.
 *
 * One worker at a time sleeps on the semaphore, the other waits inside the process for it.
 *
 * Abstracted:
 *   Sleeps have no slices: whoever needed one here would sleep for ever.
 *   A spinning worker is one that looks late and finds something: it takes no token either.
 *   The ring is ../ring's concern; a request is its number. The handler of every other request waits for the next one to be
 *   answered, as handlers may that run at the same time, so a second worker must take that one meanwhile.
 *
 * Checked: no invalid end state. The model may stop when everything published is answered, with the workers asleep.
 */

#define THREADS 3
#define REQUEST_READY 0
#define SEMAPHORES 1
#define WRITTEN_COUNT 1
#define VARIABLES 2
#define POSTERS 1

#include "store_buffers.pml"

/* The server's, under its lock. */
bit server;
unsigned passed : 2;
bit looking;              /* the role of sleeping on request_ready is taken */
bit idle[3];              /* waits inside */

/* Of the requests in flight: 1 published, 0 answered. */
bit in_flight[4];
unsigned last : 2;

proctype publisher(byte me) {
	do
	/* Three in flight at most. */
	:: atomic { !in_flight[last] && !in_flight[(last + 1) % 4] -> in_flight[last] = 1; last++ };
#ifdef FAULT_POST_BEFORE_PUBLISHING
		fence();
		post_if_zero(REQUEST_READY);
		store(WRITTEN_COUNT, last)
#else
		store(WRITTEN_COUNT, last);
#ifndef FAULT_NO_FENCE_AFTER_PUBLISHING
		fence();
#endif
		post_if_zero(REQUEST_READY)
#endif
	/* Publishes in pairs, so that each handler gets what it waits for, and may stop after any. */
	:: atomic { last % 2 == 0 -> break }
	od;
	!in_flight[0] && !in_flight[1] && !in_flight[2] && !in_flight[3]
}

proctype worker(byte me) {
	unsigned number : 2;

	lock(server);
	do
	:: atomic { load(WRITTEN_COUNT) != passed -> number = passed; passed++ };
#ifndef FAULT_TAKEN_SILENTLY
		/* This worker will be busy: another one takes what follows, and the role. */
		idle[3 - me] = 0;
#endif
		unlock(server);
		/* The handler. */
		atomic { number % 2 == 1 || !in_flight[number + 1] -> in_flight[number] = 0; number = 0 };
		lock(server)
	:: atomic { load(WRITTEN_COUNT) == passed && looking -> idle[me] = 1 };
		unlock(server);
end_idle:
		!idle[me];
		lock(server)
	:: atomic { load(WRITTEN_COUNT) == passed && !looking -> looking = 1 };
#ifdef FAULT_ROLE_TAKEN_LATE
		looking = 0; unlock(server); lock(server); looking = 1;
#endif
		unlock(server);
end_asleep:
		sleep(REQUEST_READY);
#ifndef FAULT_NO_FENCE_AFTER_WAITING
		fence();
#endif
		lock(server);
		looking = 0
	od
}

init { atomic { run publisher(0); run worker(1); run worker(2) } }
