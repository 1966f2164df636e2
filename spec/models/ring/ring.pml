/*
 * The ring of protocol v2: who may use which bytes, under every interleaving of a client, a server whose handlers answer in any
 * order, and crashes of either side.
 *
 * A unit is 64 bytes. A frame takes 1 to P units, the first of which is its header. An access to shared memory that the other
 * side can notice is a step of its own; what a side computes in between is private and part of the step before it.
 *
 * Abstracted:
 *   Memory is sequentially consistent. Orders are checked on the real code (cpp/verify), store buffers in ../waiting.
 *   Offsets are kept modulo 4 P, of which the server tells 3 P apart, and counts modulo 8, of which FRAMES can be in flight. With
 *   each frame published they are all shifted alike, so that the head is in the first lap and the last number 0 (renumber): no side
 *   looks at more than differences and positions. So runs have no end, as if the numbers grew for ever.
 *   A frame is written in one step, since nobody looks before written_count covers it, and its data is one bit: changed by the
 *   handler or not. Units that nobody may use are zeroed at once: whoever looks at them is caught by `owner`, not by what it finds.
 *   A side that waits goes on when what it waits for is there; that it is told is ../waiting's concern. What only a draining
 *   server or an inspector reads is left out. "failed" is handled as "response". To the ring an abandoned frame is one whose
 *   answer is released unread, a response that is held one that is not released yet.
 *   The locks of both sides serialise what they serialise in the code: the threads of a client are one process that does any
 *   legal thing next, one of which, looking for the answer to a call, is done without the lock; and the
 *   server's workers are one that takes, with up to FRAMES handlers running. A new server's object is fresh.
 *
 * Checked: nobody writes or reads a unit that somebody else may use; what is read is what was written; nothing is answered
 * twice; the server never finds corruption; no handler runs on through a reset. The model has no end, so a wait that does not end
 * is a state without a next one, which spin reports as an invalid end state.
 */

#ifndef P
#define P 4           /* payload in units */
#endif
#ifndef FRAMES
#define FRAMES 3      /* in flight at most */
#endif
#ifndef CRASHES
#define CRASHES 2     /* of either side, in any mixture */
#endif

#define LAPS (4 * P)
#define after(offset, by) (((offset) + (by)) % LAPS)
#define distance(from, to) (((to) + LAPS - (from)) % LAPS)
#define next_lap(offset) after(offset, P - (offset) % P)

#define NUMBERS 8
#define next_number(n) (((n) + 1) % NUMBERS)
#define covers(count, number) ((((count) + NUMBERS - (number)) % NUMBERS) < NUMBERS / 2)

/* States of a frame, as on the wire; "failed" is left out. */
#define FREE 0
#define REQUEST 1
#define PROCESSING 2
#define RESPONSE 3
#define CONSUMED 5
#define CANCELLED 6
#define WRAP 7

/* Who may use a unit. The truth that the assertions compare with; no side looks at it. */
#define NOBODY 0
#define CLIENT 1      /* being written */
#define CURSOR 2      /* published: the server will look at it */
#define HANDLER 3
#define ANSWERED 4    /* the client may read it, until it releases it */

typedef Header {
	unsigned state : 3;
	unsigned number : 3;
	unsigned size : 3;    /* of the whole frame, in units */
	bit one_way;
	bit answered;         /* the data */
};

typedef Handling {        /* a handler's own knowledge of its frame */
	bit busy;
	unsigned number : 3;
	unsigned size : 3;
	bit one_way;
};

typedef Flight {          /* a frame in the client's private list */
	unsigned position : 3;
	unsigned size : 3;
	unsigned waste : 3;
	unsigned number : 3;
	bit one_way;
	bit cancelled;
	bit released;
};

/* Shared memory. */
Header at[P];
byte written_bytes;
unsigned written_count : 3;
unsigned read_count : 3;

/* What the operating system knows. */
bit client_gone;
bit server_gone;

/* The truth. */
byte owner[P];
unsigned crashes : 2 = CRASHES;

/* The server's private state. */
byte cursor;
unsigned passed : 3;
unsigned running : 2;
Handling handler[P];      /* by the position of its frame */
bit cursor_stopped;
bit looking;              /* the taker knows these: */
byte bytes;               /* what it read of written_bytes */
unsigned number : 3;      /* of the frame in its hands */

/* One thread of the client looks for the answer to its own request without the client's lock. */
bit claimed_frame;
unsigned claimed_position : 3;
unsigned claimed_number : 3;

#define zero(p) at[p].state = FREE; at[p].number = 0; at[p].size = 0; at[p].one_way = 0; at[p].answered = 0

/* Hands the units of a frame on. */
inline hand_on(first, count, from, to) {
	u = 0;
	do
	:: u < count ->
		assert(owner[(first) + u] == from);
		owner[(first) + u] = to;
		u++
	:: else -> u = 0; break
	od
}

inline clear_ring() {
	written_bytes = 0; written_count = 0; read_count = 0; cursor = 0; passed = 0;
	u = 0;
	do
	:: u < P -> zero(u); owner[u] = NOBODY; u++
	:: else -> u = 0; break
	od
}

/* ---- The client ---- */

#define header(i) at[flight[i].position]
#define room (P - head % P)
#define fits(size) (inside == 0 || (size <= room && size <= P - claimed) || (size > room && room + size <= P - claimed))

#ifdef FAULT_WASTE_EARLY
#define is_waste_over (flight[0].waste > 0)
#else
#define is_waste_over (flight[0].waste > 0 && covers(read_count, flight[0].number))
#endif

#define is_claimed(i) (claimed_frame && flight[i].number == claimed_number)
#ifdef FAULT_RECLAIM_UNDER_A_WAITER
#define is_over_by_state ((flight[0].one_way || flight[0].cancelled) && header(0).state == CONSUMED)
#else
#define is_over_by_state ((flight[0].one_way || flight[0].cancelled) && header(0).state == CONSUMED && !is_claimed(0))
#endif
#ifdef FAULT_RECLAIM_BY_TIMEOUT
#define is_over (flight[0].released || is_over_by_state || header(0).state == PROCESSING)
#else
#ifdef FAULT_RECLAIM_CANCELLED_AT_ONCE
#define is_over (flight[0].released || is_over_by_state || flight[0].cancelled)
#else
#define is_over (flight[0].released || is_over_by_state)
#endif
#endif

#define is_reclaimable (inside > 0 && (is_waste_over || is_over))
#define is_outstanding(i) (inside > i && !flight[i].released && !flight[i].cancelled)

/* Looks at the answer and gives the frame back. Between the two it is held; anybody who touched it then would be caught. */
#define RECEIVE(i) atomic { is_outstanding(i) && !flight[i].one_way && !is_claimed(i) && header(i).state == RESPONSE -> \
	assert(header(i).number == flight[i].number && header(i).answered); \
	hand_on(flight[i].position, flight[i].size, ANSWERED, NOBODY); \
	header(i).state = CONSUMED; flight[i].released = 1 }

/* A compare-and-swap; one that fails changes nothing. */
#define CANCEL(i) atomic { is_outstanding(i) && !server_gone && header(i).state == REQUEST -> \
	header(i).state = CANCELLED; flight[i].cancelled = 1 }

#define CRASH(side) atomic { crashes > 0 && !client_gone && !server_gone -> crashes--; side = 1 }

inline pop() {
	if
	:: owner[flight[0].position] == NOBODY -> zero(flight[0].position)
	:: else               /* only when a fault takes it back too early */
	fi;
	u = 0;
	do
	:: u < FRAMES - 1 ->
		flight[u].position = flight[u + 1].position;
		flight[u].size = flight[u + 1].size;
		flight[u].waste = flight[u + 1].waste;
		flight[u].number = flight[u + 1].number;
		flight[u].one_way = flight[u + 1].one_way;
		flight[u].cancelled = flight[u + 1].cancelled;
		flight[u].released = flight[u + 1].released;
		u++
	:: else -> break
	od;
	flight[FRAMES - 1].position = 0; flight[FRAMES - 1].size = 0; flight[FRAMES - 1].waste = 0; flight[FRAMES - 1].number = 0;
	flight[FRAMES - 1].one_way = 0; flight[FRAMES - 1].cancelled = 0; flight[FRAMES - 1].released = 0;
	u = 0;
	inside--
}

/* ClientRing::place: where a frame goes. */
inline place() {
	waste = 0;
	start = head;
	if
#ifdef FAULT_LAP_IN_FLIGHT
	:: inside > 0 && size > room -> start = next_lap(head)
#endif
	:: inside == 0 && head % P == 0
	:: inside == 0 && head % P != 0 && size <= room /* lap "needed" */
	:: inside == 0 && head % P != 0 ->              /* lap "eager", or there is no other way */
		start = next_lap(head);
#ifdef FAULT_LAP_OF_EXACTLY_P
		if :: room + size < P -> start = next_lap(start) :: else fi
#else
		if :: room + size <= P -> start = next_lap(start) :: else fi
#endif
	:: inside > 0 && size <= room
	:: inside > 0 && size > room ->
		start = next_lap(head);
		waste = room
	fi
}

inline write_frame() {
	if
	:: waste > 0 -> hand_on(head % P, 1, NOBODY, CLIENT); at[head % P].state = WRAP
	:: else
	fi;
	hand_on(start % P, size, NOBODY, CLIENT);
	at[start % P].number = next_number(last); at[start % P].size = size; at[start % P].one_way = one_way;
	at[start % P].state = REQUEST
}

/* The frame is the server's once written_count covers it. */
inline store_count() {
	last = next_number(last);
	if :: waste > 0 -> hand_on(head % P, 1, CLIENT, CURSOR) :: else fi;
	hand_on(start % P, size, CLIENT, CURSOR);
	written_count = last
}

inline store_bytes() { written_bytes = after(start, size) }

#define earlier(n, by) n = (n + NUMBERS - by) % NUMBERS
#define laps_earlier(offset, by) offset = (offset + LAPS - by) % LAPS

inline renumber() {
	start = head - head % P;
	laps_earlier(head, start); laps_earlier(cursor, start); laps_earlier(written_bytes, start);
	if :: looking -> laps_earlier(bytes, start); earlier(number, last) :: else fi;
	start = 0;
	u = 0;
	do
	:: u < P ->
		if :: at[u].state != FREE && at[u].state != WRAP -> earlier(at[u].number, last) :: else fi;
		if :: handler[u].busy -> earlier(handler[u].number, last) :: else fi;
		u++
	:: else -> break
	od;
	u = 0;
	do
	:: u < inside -> earlier(flight[u].number, last); u++
	:: else -> u = 0; break
	od;
	if :: claimed_frame -> earlier(claimed_number, last) :: else fi;
	earlier(passed, last); earlier(read_count, last); earlier(written_count, last);
	last = 0
}

inline put_on_list() {
	claimed = claimed + waste + size;
	if
	:: !claimed_frame && !one_way -> claimed_frame = 1; claimed_position = start % P; claimed_number = last
	:: skip
	fi;
	flight[inside].position = start % P; flight[inside].size = size; flight[inside].waste = waste;
	flight[inside].number = last; flight[inside].one_way = one_way;
	inside++;
	head = after(start, size);
	size = 0; waste = 0; one_way = 0; start = 0;
	renumber()
}

active proctype client() {
	Flight flight[FRAMES];
	byte head, start;         /* cumulative */
	unsigned claimed : 3;
	unsigned inside : 2;      /* frames in flight */
	unsigned last : 3;        /* number of the last frame */
	unsigned size : 3;        /* of the frame that is being sent */
	unsigned waste : 3;       /* before it */
	unsigned u : 3;
	bit one_way;

more:
	do
	/* Takes back, in ring order, what is done with: first the waste before a frame, then the frame. Whoever places a frame has done
	   this before, and nobody else notices when it is done. */
	:: atomic { inside > 0 && is_waste_over -> claimed = claimed - flight[0].waste; flight[0].waste = 0 }
	:: atomic { inside > 0 && is_over -> claimed = claimed - flight[0].waste - flight[0].size; pop() }

	/* Sends what there is room for. */
	:: atomic { !is_reclaimable && !server_gone && inside < FRAMES && fits(1) ->
		if
		:: size = 1
		:: fits(2) -> size = 2
		:: P > 3 && fits(3) -> size = 3
		:: P > 4 && fits(4) -> size = 4
		:: fits(P) -> size = P
		fi;
		if :: one_way = 0 :: one_way = 1 fi;
		place();
		write_frame();
		goto publish
	}

	/* The thread with the claim finds an answer, which must be its own; or it stops looking and takes the lock. */
	:: atomic { claimed_frame && at[claimed_position].state == RESPONSE ->
		assert(at[claimed_position].number == claimed_number);
		claimed_frame = 0; claimed_position = 0; claimed_number = 0
	}
	:: atomic { claimed_frame -> claimed_frame = 0; claimed_position = 0; claimed_number = 0 }

	/* Receives in any order, cancels. */
	:: RECEIVE(0)
	:: RECEIVE(1)
	:: CANCEL(0)
	:: CANCEL(1)
#if FRAMES > 2
	:: RECEIVE(2)
	:: CANCEL(2)
#endif

	:: CRASH(client_gone) -> goto gone

	/* The server is gone, and what it had answered can still be received, or not. */
	:: atomic { server_gone && cursor_stopped -> goto attach_anew }
	od;

publish:
	if
#ifdef FAULT_COUNT_BEFORE_BYTES
	:: atomic { store_count() }
#else
	:: atomic { store_bytes() }
#endif
	:: CRASH(client_gone) -> goto gone
	fi;
	if
#ifdef FAULT_COUNT_BEFORE_BYTES
	:: atomic { store_bytes(); put_on_list(); goto more }
#else
	:: atomic { store_count(); put_on_list(); goto more }
#endif
	:: CRASH(client_gone) -> goto gone
	fi;

	/* The next client attaches when the server has reset the segment, or to a new server's object. */
gone:
	if
	:: atomic { !client_gone && !server_gone -> goto fresh }
	:: atomic { server_gone && cursor_stopped -> goto attach_anew }
	fi;

attach_anew:
	atomic {
		clear_ring();
		do
		:: u < P -> handler[u].busy = 0; handler[u].number = 0; handler[u].size = 0; handler[u].one_way = 0; u++
		:: else -> u = 0; break
		od;
		running = 0;
		client_gone = 0; server_gone = 0; cursor_stopped = 0
	}
fresh:
	atomic {
		claimed_frame = 0; claimed_position = 0; claimed_number = 0;
		head = 0; start = 0; claimed = 0; last = 0; size = 0; waste = 0; one_way = 0;
		do
		:: u < FRAMES ->
			flight[u].position = 0; flight[u].size = 0; flight[u].waste = 0; flight[u].number = 0;
			flight[u].one_way = 0; flight[u].cancelled = 0; flight[u].released = 0;
			u++
		:: else -> u = 0; break
		od;
		inside = 0;
		goto more
	}
}

/* ---- The server ---- */

inline pass() {
	cursor = after(cursor, size); passed = number; read_count = passed;
	position = 0; size = 0; number = 0; one_way = 0; bytes = 0; looking = 0; wrapped = 0
}

/* Whichever worker holds the lock: looks, takes, and resets. */
active proctype taker() {
	unsigned position : 3;    /* of the frame in hand */
	unsigned size : 3;
	bit one_way;
	bit wrapped;
	unsigned u : 3;
	unsigned state : 3;

more:
	do
	/* The count first ... */
#ifdef FAULT_BYTES_BEFORE_COUNT
	:: atomic { !server_gone && written_count == passed -> bytes = written_bytes; looking = 1; goto look_again }
#endif
	:: atomic { !server_gone && written_count != passed -> goto look }

	/* The client is gone and everything that it published is passed. */
#ifdef FAULT_RESET_BESIDE_HANDLERS
	:: atomic { !server_gone && client_gone && written_count == passed ->
#else
	:: atomic { !server_gone && client_gone && written_count == passed && running == 0 ->
#endif
		clear_ring();
		client_gone = 0
	}
	:: atomic { server_gone && !cursor_stopped -> cursor_stopped = 1 }
	od;

#ifdef FAULT_BYTES_BEFORE_COUNT
look_again:
	if
	:: atomic { !server_gone && written_count != passed -> wrapped = 0; goto lap }
	:: atomic { !server_gone && written_count == passed -> bytes = 0; looking = 0; goto more }
	:: atomic { server_gone -> goto stop }
	fi;
#endif

look:
	/* ... then the bytes, which cover what was counted. */
	if
	:: atomic { !server_gone -> bytes = written_bytes; looking = 1; wrapped = 0; goto lap }
	:: atomic { server_gone -> goto stop }
	fi;
lap:
	atomic {
		assert(distance(cursor, bytes) < 3 * P);
		do
		:: distance(cursor, bytes) > P -> cursor = next_lap(cursor)
		:: else -> break
		od;
	}
read:
	if
	:: atomic { !server_gone ->
		assert(distance(cursor, bytes) >= 1);
		position = cursor % P;
		assert(owner[position] == CURSOR);
		state = at[position].state; number = at[position].number; size = at[position].size; one_way = at[position].one_way;
		if
		:: state == WRAP ->
			assert(!wrapped && position != 0 && distance(cursor, bytes) > P - position);
			hand_on(position, 1, CURSOR, NOBODY);
			zero(position);
			cursor = next_lap(cursor);
			wrapped = 1; state = 0; position = 0;
			goto read
		:: else ->
			assert(state == REQUEST || state == CANCELLED);
			assert(number == next_number(passed));
			assert(size >= 1 && size <= P - position && size <= distance(cursor, bytes));
			if
			:: state == CANCELLED -> state = 0; goto skip_cancelled
			:: state == REQUEST && client_gone && !one_way -> state = 0; goto skip_dead
			:: else -> state = 0
			fi
		fi
	}
	:: atomic { server_gone -> goto stop }
	fi;

	/* Takes. */
	if
	:: atomic { !server_gone ->
		if
#ifdef FAULT_TAKE_WITHOUT_SWAP
		:: true ->
#else
		:: at[position].state != REQUEST -> assert(at[position].state == CANCELLED); goto look
		:: else ->
#endif
			hand_on(position, size, CURSOR, HANDLER);
			at[position].state = PROCESSING;
			handler[position].busy = 1; handler[position].number = number; handler[position].size = size;
			handler[position].one_way = one_way;
			running++
		fi
	}
	:: atomic { server_gone -> goto stop }
	fi;
	if
	:: atomic { !server_gone -> pass(); goto more }
	:: atomic { server_gone -> goto stop }
	fi;

skip_cancelled:
	if
	:: atomic { !server_gone -> hand_on(position, size, CURSOR, NOBODY); at[position].state = CONSUMED }
	:: atomic { server_gone -> goto stop }
	fi;
	if
	:: atomic { !server_gone -> pass(); goto more }
	:: atomic { server_gone -> goto stop }
	fi;

skip_dead:
	if
	:: atomic { !server_gone -> hand_on(position, size, CURSOR, NOBODY); pass(); goto more }
	:: atomic { server_gone -> goto stop }
	fi;

stop:
	atomic { position = 0; size = 0; number = 0; one_way = 0; bytes = 0; looking = 0; wrapped = 0; state = 0; goto more }
}

/* A handler changes its frame where it stands, and answers. */
#define ANSWER(p) atomic { handler[p].busy && !server_gone -> \
	u = 0; \
	do \
	:: u < handler[p].size -> assert(owner[p + u] == HANDLER); u++ \
	:: else -> u = 0; break \
	od; \
	assert(at[p].number == handler[p].number && !at[p].answered && at[p].state == PROCESSING); \
	at[p].answered = 1; \
	if \
	:: handler[p].one_way -> hand_on(p, handler[p].size, HANDLER, NOBODY); at[p].state = CONSUMED \
	:: else -> hand_on(p, handler[p].size, HANDLER, ANSWERED); at[p].state = RESPONSE \
	fi; \
	DONE(p) }

#define FORGET(p) handler[p].busy = 0; handler[p].number = 0; handler[p].size = 0; handler[p].one_way = 0; running--
#ifdef FAULT_TOUCH_AFTER_ONE_WAY
/* Looks at the frame of a one-way request once more, as it may do at that of an answer. */
#define DONE(p) if :: handler[p].one_way -> touch = p; FORGET(p); goto touch_again :: else -> FORGET(p) fi
#else
#define DONE(p) FORGET(p)
#endif

active proctype handlers() {
	unsigned u : 3;
#ifdef FAULT_TOUCH_AFTER_ONE_WAY
	unsigned touch : 3;
#endif

more:
	do
	:: ANSWER(0)
	:: ANSWER(1)
	:: ANSWER(2)
	:: ANSWER(3)
#if P > 4
	:: ANSWER(4)
#endif
#if P > 5
	:: ANSWER(5)
#endif
	:: CRASH(server_gone)
	od;
#ifdef FAULT_TOUCH_AFTER_ONE_WAY
touch_again:
	atomic { assert(owner[touch] == NOBODY); touch = 0; goto more }
#endif
}
