/*
 * A draining server is woken: response_consumed, with the thread that stops the server, two threads of the client and store buffers.
 *
 * One client thread releases responses; the other, a sender, releases late answers to abandoned requests when it reclaims.
 *
 * Abstracted: sleeps have no slices: whoever needed one here would sleep for ever. Handlers have ended. The client lives; one
 * that dies is ../lifecycle's concern.
 *
 * Checked: no invalid end state: the stopping thread finds all responses consumed.
 */

#define THREADS 3
#define RESPONSE_CONSUMED 0
#define SEMAPHORES 1
#define READ_COUNT 1
#define VARIABLES 2
#define POSTERS 2

#include "store_buffers.pml"

#define RESPONSES 4

bit client;               /* its lock */
byte consumed;            /* its own count */

inline release() {
	consumed++;
	store(READ_COUNT, consumed)
}

proctype receiver(byte me) {
	byte left = RESPONSES - 2;

	do
	:: left > 0 ->
		lock(client);
		release();
#ifndef FAULT_NO_FENCE_AFTER_RELEASING
		fence();
#endif
		post_if_zero(RESPONSE_CONSUMED);
		unlock(client);
		left--
	:: else -> break
	od
}

proctype sender(byte me) {
	byte left = 2;

	do
	:: left > 0 ->
		lock(client);
		/* Reclaiming finds late answers. */
		release();
#ifndef FAULT_LATE_RELEASE_SILENT
		fence();
		post_if_zero(RESPONSE_CONSUMED);
#endif
		unlock(client);
		left--
	:: else -> break
	od
}

proctype stopper(byte me) {
	do
	:: atomic { load(READ_COUNT) == RESPONSES -> break }
	:: atomic { load(READ_COUNT) != RESPONSES -> skip };
		sleep(RESPONSE_CONSUMED);
#ifndef FAULT_NO_FENCE_AFTER_WAITING
		fence()
#endif
	od
}

init { atomic { run receiver(0); run sender(1); run stopper(2) } }
