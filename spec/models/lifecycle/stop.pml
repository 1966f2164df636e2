/*
 * Nobody waits for a peer that is gone: a server that stops or dies, a client that closes or dies, with a receiver, a sender that
 * waits for room and a closing thread in the client.
 *
 * One request is in flight; the server may stop before it takes it, while it handles it, or after.
 *
 * Abstracted:
 *   A sleep ends by a token. In runs without slices one is granted only where the protocol relies on it: to whoever's peer died,
 *   and to a draining server whose client is gone. So an orderly end that costs a slice is found. That a woken waiter looks at its
 *   peer at most once a millisecond is left out, and so are all deadlines.
 *   Whether somebody will stop, close or die is settled first, so that nobody is saved from waiting in vain by what may never come.
 *   Memory is sequentially consistent: ../waiting has the fences. The reset is ./attach's concern.
 *
 * Checked: an answer that is there is delivered, also by a server that is gone; a stopped server is not taken for one that found
 * corruption; a closed client's threads touch nothing once it is detached; no invalid end state: every wait ends. Without slices
 * (-DNO_SLICES) there is no cycle without progress either, under weak fairness.
 */

#define REQUEST 1
#define PROCESSING 2
#define RESPONSE 3
#define CONSUMED 5

#define NONE 0
#define DEAD 1
#define CORRUPTED 2

/* Shared memory and locks. */
byte state = REQUEST;
bit read_count;
bit written_count;
bit reset_wanted;         /* the request block's writer_pid */
bit server_pid = 1;       /* the response block's writer_pid */
bit server_byte = 1;
bit client_byte = 1;

/* Tokens. */
bit request_ready;
bit response_ready;
bit response_consumed;
bit space_available;

bit server_died;
bit client_died;

/* What will happen in this run, sooner or later. */
bit slices;
bit server_stops;
bit server_dies;
bit client_closes;
bit client_dies;
bit server_ended;

/* The client's, under its lock. */
bit client;
bit closed;
bit failure;              /* the server is gone */
byte outside;             /* threads that will be back */
bit view;                 /* a response is out */
bit detached;

#define lock() atomic { !client && !client_died -> client = 1 }
#define unlock() client = 0
#define touch() assert(!detached)

inline look_at_server() {
#ifdef FAULT_LOCK_BEFORE_PID
	alive = server_byte;
	there = server_pid;
#else
	there = server_pid;
	alive = server_byte;
#endif
	if
	:: !alive -> failure = 1; response_ready = 1; space_available = 1    /* the others must know */
	:: alive && !there -> assert(false)       /* the server found corruption: it cannot have */
	:: else
	fi;
	there = 0; alive = 0
}

#define SLEEP(semaphore) \
	atomic { outside++; unlock() }; \
	if \
	:: atomic { semaphore && !client_died -> semaphore = 0 } \
	:: atomic { (slices || server_died) && !client_died -> skip } \
	fi; \
	lock(); \
	outside--

proctype receiver() {
	bit alive, there;

	{
	lock();
	do
	:: atomic { closed -> break }
	:: atomic { !closed -> touch() };
		if
		:: atomic { state == RESPONSE -> view = 1; unlock() };
			lock();
			touch();
			state = CONSUMED;
			read_count = 1;
			response_consumed = 1;
			space_available = 1;
			view = 0;
			break
		:: atomic { state != RESPONSE && failure -> break }
		:: atomic { state != RESPONSE && !failure -> skip };
			SLEEP(response_ready);
			if
			:: closed
			:: !closed && state != RESPONSE -> look_at_server();
#ifdef FAULT_NO_LOOK_AFTER_FAILURE
				if :: failure -> assert(state != RESPONSE); break :: else fi
#endif
			:: !closed && state == RESPONSE
			fi
		fi
	od;
	unlock()
	} unless { client_died }
}

proctype sender() {
	bit alive, there;

	{
	lock();
	do
	:: atomic { closed || failure -> break }
	:: atomic { !closed && !failure && state == CONSUMED -> touch(); break }
	:: atomic { !closed && !failure && state != CONSUMED -> touch() };
		SLEEP(space_available);
		if
		:: closed || state == CONSUMED
		:: !closed && state != CONSUMED -> touch(); look_at_server()
		fi
	od;
	unlock()
	} unless { client_died }
}

proctype closer() {
	{
	/* Closes at any time. */
	lock();
	closed = 1;
#ifndef FAULT_CLOSE_SILENTLY
	response_ready = 1;
	space_available = 1;
#endif
	unlock();
#ifndef FAULT_CLOSE_WITHOUT_WAITING
	atomic { outside == 0 && !view && !client && !client_died -> client = 1 };
#else
	lock();
#endif
	reset_wanted = 1;
	atomic { client_byte = 0; detached = 1 };
#ifndef FAULT_LEAVE_SILENTLY
	request_ready = 1;
#endif
	unlock();
	/* The next client waits for the reset, or for a server. */
	server_ended
	} unless { client_died }
}

/* The client's process dies, unless it has closed before. */
proctype client_death() {
	atomic { if :: !detached -> client_died = 1; client_byte = 0 :: else fi }
}

#define is_client_gone (reset_wanted || !client_byte)

#define STOPS_OR_DIES \
	:: server_stops -> goto stop \
	:: server_dies -> goto die

proctype server() {
	do
	:: is_client_gone -> goto ended       /* resets */
	STOPS_OR_DIES
	:: atomic { state == REQUEST && !is_client_gone -> state = PROCESSING };
		if
		:: skip
		STOPS_OR_DIES
		fi;
		state = RESPONSE;
		written_count = 1;
		response_ready = 1
	:: state != REQUEST && !is_client_gone ->
end_asleep:
		if
		:: atomic { request_ready -> request_ready = 0 }
		:: client_died || (slices && is_client_gone)
		STOPS_OR_DIES
		fi
	od;

stop:
	/* Takes nothing new, lets the handler end, drains. */
	if
	:: state == PROCESSING -> state = RESPONSE; written_count = 1; response_ready = 1
	:: else
	fi;
	do
	:: read_count == written_count || is_client_gone -> break
	:: atomic { read_count != written_count && !is_client_gone -> skip };
		if
		:: atomic { response_consumed -> response_consumed = 0 }
		:: is_client_gone
		:: server_dies -> goto die
		fi
	od;
	server_byte = 0;
	server_pid = 0;
#ifndef FAULT_STOP_SILENTLY
	response_ready = 1;
	space_available = 1;
#endif
	goto ended;
die:
	atomic { server_died = 1; server_byte = 0 }
ended:
	server_ended = 1
}

init {
	atomic {
#ifndef NO_SLICES
		if :: slices = 0 :: slices = 1 fi;
#endif
		if :: server_stops = 0 :: server_stops = 1 fi;
		if :: server_dies = 0 :: server_dies = 1 fi;
		if :: client_closes = 0 :: client_closes = 1 fi;
		if :: client_dies = 0 :: client_dies = 1 fi;
		run server(); run receiver(); run sender();
		if :: client_closes -> run closer() :: else fi;
		if :: client_dies -> run client_death() :: else fi
	}
}
