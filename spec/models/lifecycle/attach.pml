/*
 * Who owns an object: servers that create it, reset it, give it up and stop; clients that attach, ask for a reset and close; any of
 * them may die between any two steps, and come back.
 *
 * Run with one server and two clients, and with two servers that want the same name, LIVES times each, and one client that
 * stays. Of the four semaphores two are enough to be opened and replaced one after the other.
 *
 * Abstracted:
 *   What goes through the ring is one fact, that it was used; ../ring is about the rest. Whoever waits looks at what it waits for:
 *   a server at the client's byte, a client at the server's. That takes at most a slice.
 *   The owner locks, which keep v1 away, are left out: the server's byte is the truth.
 *   Timeouts that end in a clear error are left out, except the one after which a server gives up an object.
 *   Objects and semaphores that nobody can reach any more are forgotten and their numbers used again, so runs have no end and
 *   crashes no limit. Of an object without a server nobody reads more than that it has none; the rest is forgotten at once.
 *
 * Checked: one client per object; a client that attaches finds nothing of an earlier one, no handler of it and no semaphore that is
 * not the server's; no reset under an attached client; a handler never runs on in an object that was reset; a server never
 * takes the name from a living one; and no invalid end state: every attach ends, unless no server ever comes.
 */

#ifndef SERVERS
#define SERVERS 1
#endif
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef LIVES
#define LIVES 2           /* of each of several servers; one alone comes again and again */
#endif

#define OBJECTS 4         /* that anybody can reach at a time */
#define NONE 15
#define NOBODYS 14        /* of a server that is gone */

/* What a client finds under a semaphore's name. */
#define NOTHING 0
#define RIGHT 1           /* the one that the server of its object uses */
#define WRONG 2

/* Values of the request block's writer_pid: 0, the client's, and: */
#define RESET_WANTED 3

typedef Object {
	/* Locks, which the kernel drops when their holder dies. */
	bit server_byte;
	unsigned client_byte : 2;     /* 0: free, else the client's pid */
	/* Shared memory. */
	bit ready;                    /* the identity */
	unsigned writer_pid : 2;
	bit used;                     /* counters, metadata: anything of an attachment */
	/* The truth. */
	bit running;                  /* a handler */
	unsigned attached : 2;
};

Object object[OBJECTS];
byte name = NONE;                 /* the object that has the name */
byte semaphore_name[2];           /* the object whose semaphore has the name */
byte opened[4];                   /* by client * 2 + semaphore */
byte mapped[2];                   /* by client: the object it has open */
byte made[SERVERS];               /* by server: its object */
byte cleared[SERVERS];            /* by server: the object whose name it is clearing */

#if SERVERS > 1
#define is_servers(i) (made[0] == i || made[1] == i || cleared[0] == i || cleared[1] == i)
#else
#define is_servers(i) (made[0] == i || cleared[0] == i)
#endif
#define is_reachable(i) (name == i || is_servers(i) || mapped[0] == i || mapped[1] == i)

/* What nobody can reach is forgotten. */
#define forget(i) if \
	:: !is_reachable(i) -> object[i].client_byte = 0; object[i].ready = 0; object[i].writer_pid = 0; object[i].used = 0; \
		object[i].running = 0; object[i].attached = 0; \
		if :: semaphore_name[0] == i -> semaphore_name[0] = NOBODYS :: else fi; \
		if :: semaphore_name[1] == i -> semaphore_name[1] = NOBODYS :: else fi \
	:: else \
	fi
#define forget_rest(i) object[i].ready = 0; object[i].used = 0; object[i].running = 0; object[i].attached = 0; \
	object[i].writer_pid = RESET_WANTED
#define forget_unreachable forget(0); forget(1); forget(2); forget(3)

/* ---- The server ---- */

#define mine made[me]
#define old cleared[me]
#define SERVER_DIES :: goto dead

#define replace_semaphore(i) \
	if :: mapped[0] == mine && opened[i] == RIGHT -> opened[i] = WRONG :: else fi; \
	if :: mapped[1] == mine && opened[2 + i] == RIGHT -> opened[2 + i] = WRONG :: else fi; \
	semaphore_name[i] = mine


#define is_client_gone (object[mine].writer_pid == RESET_WANTED || \
	(object[mine].writer_pid != 0 && object[mine].client_byte == 0))

proctype server(byte me) {
	bit anew;
#if SERVERS > 1
	byte lives = LIVES;
#endif

start:
	atomic { mine = NONE; old = NONE; anew = 0; forget_unreachable }
end_start:
	/* May be started at any time, or never again. */
	if
#if SERVERS > 1
	:: atomic { lives > 0 -> lives--; goto create }
#else
	:: goto create
#endif
	:: goto ended
	fi;

create:
	if
	:: atomic { name == NONE -> skip }
	:: atomic { name != NONE -> old = name };
		if
#ifdef FAULT_CLEAR_WITHOUT_LOCK
		:: skip
#else
		:: atomic { !object[old].server_byte -> object[old].server_byte = 1 }
		:: atomic { object[old].server_byte -> old = NONE; goto start }    /* name_in_use */
#endif
		fi;
		if
#ifdef FAULT_CLEAR_WITHOUT_LOOKING
		:: skip
#else
		:: atomic { name != old -> object[old].server_byte = 0; old = NONE; forget_unreachable; goto create }
		:: atomic { name == old -> skip }
#endif
		SERVER_DIES
		fi;
		if
		:: atomic { assert(name == old); name = NONE }
		SERVER_DIES
		fi;
		atomic { object[old].server_byte = 0; old = NONE; forget_unreachable }
	fi;
	/* A complete object gets the name, unless another has it by now. */
	atomic {
		if
		:: mine == NONE && !is_reachable(0) -> mine = 0
		:: mine == NONE && is_reachable(0) && !is_reachable(1) -> mine = 1
		:: mine == NONE && is_reachable(0) && is_reachable(1) && !is_reachable(2) -> mine = 2
		:: mine == NONE && is_reachable(0) && is_reachable(1) && is_reachable(2) && !is_reachable(3) -> mine = 3
		:: mine != NONE       /* from the last try */
		fi;
#ifndef FAULT_NAME_BEFORE_LOCK
		object[mine].server_byte = 1
#endif
	}
	if
	:: atomic { name == NONE -> name = mine }
	:: atomic { name != NONE -> object[mine].server_byte = 0; goto create }
	SERVER_DIES
	fi;
#ifdef FAULT_NAME_BEFORE_LOCK
	if
	:: atomic { !object[mine].server_byte -> object[mine].server_byte = 1 }
	SERVER_DIES
	fi;
#endif
#ifdef FAULT_READY_BEFORE_SEMAPHORES
	object[mine].ready = 1;
#endif
	if
	:: atomic { replace_semaphore(0) }
	SERVER_DIES
	fi;
	if
	:: atomic { replace_semaphore(1) }
	SERVER_DIES
	fi;
	object[mine].ready = 1;

serve:
	do
	:: atomic { object[mine].attached != 0 && object[mine].used && !object[mine].running -> object[mine].running = 1 }
	:: atomic { object[mine].running -> object[mine].running = 0 }
	:: atomic { is_client_gone -> goto reset }
	:: goto stop
	SERVER_DIES
	od;

	/* The client is gone, and what it published is passed. */
reset:
	if
#ifdef FAULT_RESET_BESIDE_HANDLERS
	:: skip
#else
	:: atomic { !object[mine].running -> skip }
	:: atomic { object[mine].running -> object[mine].running = 0 }      /* it ends in time ... */
	:: atomic { object[mine].running -> anew = 1; goto stop }           /* ... or the object is given up to it */
#endif
	SERVER_DIES
	fi;
	assert(object[mine].attached == 0);
#ifdef FAULT_FREE_BEFORE_SEMAPHORES
	atomic { object[mine].used = 0; object[mine].writer_pid = 0 }
#endif
	if
	:: atomic { assert(object[mine].attached == 0); replace_semaphore(0) }
	SERVER_DIES
	fi;
	if
	:: atomic { assert(object[mine].attached == 0); replace_semaphore(1) }
	SERVER_DIES
	fi;
#ifndef FAULT_FREE_BEFORE_SEMAPHORES
	if
	:: atomic { assert(object[mine].attached == 0); object[mine].used = 0 }
	SERVER_DIES
	fi;
	atomic { assert(object[mine].attached == 0); object[mine].writer_pid = 0; goto serve }
#endif
	goto serve;

	/* Gives the object up, or stops: each name only if it is still its own, the object's last. */
stop:
	if
	:: atomic { if :: semaphore_name[0] == mine -> semaphore_name[0] = NONE :: else fi }
	SERVER_DIES
	fi;
	if
	:: atomic { if :: semaphore_name[1] == mine -> semaphore_name[1] = NONE :: else fi }
	SERVER_DIES
	fi;
#ifdef FAULT_UNLOCK_BEFORE_UNLINK
	object[mine].server_byte = 0;
	if
	:: atomic { assert(name == mine || name == NONE || !object[name].server_byte); name = NONE }
#else
	if
	:: atomic { if :: name == mine -> name = NONE :: else fi }
#endif
	SERVER_DIES
	fi;
	atomic {
		object[mine].server_byte = 0;
		forget_rest(mine);
		mine = NONE;
		forget_unreachable;
		if
		:: anew -> anew = 0; goto create
		:: else -> goto start
		fi
	}

dead:
	/* The kernel drops its locks; its handlers die with it. */
	atomic {
		if
		:: mine != NONE -> object[mine].server_byte = 0; forget_rest(mine)
		:: else
		fi;
		if :: old != NONE -> object[old].server_byte = 0 :: else fi;
		goto start
	}
ended:
	skip
}

/* ---- The client ---- */

#define o mapped[me - 1]
#define CLIENT_DIES :: goto drop      /* or its connect timeout passes */
#define is_server_gone (!object[o].server_byte)
#define open_semaphore(i) if \
	:: semaphore_name[i] == NONE -> opened[me * 2 - 2 + i] = NOTHING \
	:: semaphore_name[i] == o -> opened[me * 2 - 2 + i] = RIGHT \
	:: else -> opened[me * 2 - 2 + i] = WRONG \
	fi
#define has_semaphores (opened[me * 2 - 2] != NOTHING && opened[me * 2 - 1] != NOTHING)
#define has_right_semaphores (opened[me * 2 - 2] == RIGHT && opened[me * 2 - 1] == RIGHT)

proctype client(byte me) {
	/* May connect again, or not. */
start:
	if
	:: skip
	:: goto ended
	fi;
	/* Looks until a living server has the name. */
again:
end_again:
	atomic { name != NONE && object[name].ready && object[name].server_byte -> o = name }
#ifdef FAULT_SEMAPHORES_BEFORE_RESET
	atomic { open_semaphore(0); open_semaphore(1) }
#endif
	/* The byte. */
	if
	:: atomic { object[o].client_byte == 0 -> object[o].client_byte = me }
	:: atomic { object[o].client_byte != 0 && is_server_gone -> goto drop }
	CLIENT_DIES
	fi;
	/* What a former client left. */
	if
	:: atomic { object[o].writer_pid == 0 -> goto clean }
	:: atomic { object[o].writer_pid != 0 -> skip }
	CLIENT_DIES
	fi;
	if
	:: atomic { object[o].writer_pid = RESET_WANTED }
	CLIENT_DIES
	fi;
	if
	:: atomic { object[o].writer_pid == 0 -> skip }
	:: atomic { is_server_gone -> goto drop }
	CLIENT_DIES
	fi;
clean:
#ifndef FAULT_SEMAPHORES_BEFORE_RESET
	if
	:: atomic { open_semaphore(0) }
	CLIENT_DIES
	fi;
	if
	:: atomic { open_semaphore(1) }
	CLIENT_DIES
	fi;
#endif
	/* The server lives, and still has its name: so the semaphores are its. */
	if
	:: atomic { !has_semaphores -> goto drop }
#ifdef FAULT_NO_LOOK_AFTER_SEMAPHORES
	:: atomic { has_semaphores -> goto attach }
#else
	:: atomic { has_semaphores && is_server_gone -> goto drop }
	:: atomic { has_semaphores && !is_server_gone -> skip }
#endif
	CLIENT_DIES
	fi;
	if
	:: atomic { name != o -> goto drop }
	:: atomic { name == o -> skip }
	CLIENT_DIES
	fi;
attach:
	atomic {
		object[o].writer_pid = me;
		assert(object[o].attached == 0);
		assert(!object[o].used && !object[o].running);
		assert(has_right_semaphores);
		object[o].attached = me
	}
#if SERVERS == 1
	if
	:: atomic { object[o].used = 1 }
	CLIENT_DIES
	fi;
#endif
#if SERVERS > 1
	/* Stays as long as the server. */
	atomic { is_server_gone -> goto drop }
#endif
	/* Closes, once its threads are back. */
#ifdef FAULT_CLOSE_UNLOCKS_FIRST
	if
	:: atomic { object[o].attached = 0; object[o].client_byte = 0 }
	CLIENT_DIES
	fi;
	if
	:: atomic { object[o].writer_pid = RESET_WANTED; goto drop }
	CLIENT_DIES
	fi;
#else
	if
	:: atomic { object[o].writer_pid = RESET_WANTED; object[o].attached = 0; goto drop }
	CLIENT_DIES
	fi;
#endif

	/* Unlocks and unmaps, or has it done by the kernel. */
drop:
	atomic {
		if :: object[o].client_byte == me -> object[o].client_byte = 0 :: else fi;
		if :: object[o].attached == me -> object[o].attached = 0 :: else fi;
		o = NONE; opened[me * 2 - 2] = NOTHING; opened[me * 2 - 1] = NOTHING;
		forget_unreachable;
		goto start
	}
ended:
	skip
}

init {
	atomic {
		mapped[0] = NONE; mapped[1] = NONE;
		semaphore_name[0] = NONE; semaphore_name[1] = NONE;
		run server(0);
#if SERVERS > 1
		run server(1);
#endif
		run client(1);
#if CLIENTS > 1
		run client(2)
#endif
	}
}
