/* The steps of the protocol in which memory order matters, one function per step so that Python pays for one call. What to do with them
 * (where a frame goes, what is believed) is decided in Python. The build puts #define lines for every number of the wire format above
 * this file. No function here touches Python, so all of them run without the interpreter lock. */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#if !defined(__GLIBC__) || !defined(__LP64__)
#error "ZeroDuplex needs 64-bit Linux with glibc: other C libraries lay named semaphores out in another way"
#endif

#if defined(__x86_64__)
#define ZD_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define ZD_PAUSE() __asm__ __volatile__("yield")
#else
#define ZD_PAUSE() ((void)0)
#endif

/* Looks between two readings of the clock. */
enum { ZD_SPIN_BATCH = 64 };

static inline _Atomic uint64_t *zd_word(uintptr_t base, uint64_t offset) { return (_Atomic uint64_t *)(base + offset); }
static inline _Atomic uint32_t *zd_half(uintptr_t base, uint64_t offset) { return (_Atomic uint32_t *)(base + offset); }
static inline uint64_t *zd_plain64(uintptr_t base, uint64_t offset) { return (uint64_t *)(base + offset); }
static inline uint32_t *zd_plain32(uintptr_t base, uint64_t offset) { return (uint32_t *)(base + offset); }

static inline uint64_t zd_acquire(uintptr_t base, uint64_t offset) { return atomic_load_explicit(zd_word(base, offset), memory_order_acquire); }
static inline void zd_publish_word(uintptr_t base, uint64_t offset, uint64_t value) {
    atomic_store_explicit(zd_word(base, offset), value, memory_order_release);
}
static inline uint32_t zd_state(uintptr_t header) {
    return atomic_load_explicit(zd_half(header, ZD_FRAME_HEADER_V2_STATE_OFFSET), memory_order_acquire);
}
static inline void zd_set_state(uintptr_t header, uint32_t state) {
    atomic_store_explicit(zd_half(header, ZD_FRAME_HEADER_V2_STATE_OFFSET), state, memory_order_release);
}

uint64_t zd_load64(uintptr_t address) { return zd_acquire(address, 0); }
void zd_store64(uintptr_t address, uint64_t value) { zd_publish_word(address, 0, value); }

int zd_cas64(uintptr_t address, uint64_t expected, uint64_t desired) {
    return atomic_compare_exchange_strong_explicit(zd_word(address, 0), &expected, desired, memory_order_acq_rel, memory_order_acquire);
}

/* The other side may work there: an atomic addition of nothing loses none of its stores. */
void zd_touch(uintptr_t address, uint64_t size, uint64_t page) {
    for (uint64_t offset = 0; offset < size; offset += page) atomic_fetch_add_explicit(zd_word(address, offset), 0, memory_order_relaxed);
}

/* The caller has fenced: the value is looked at after the state was changed. */
static inline int zd_reads_zero(uintptr_t semaphore) {
    return atomic_load_explicit(zd_half(semaphore, ZD_NAMED_SEMAPHORE_VALUE_OFFSET), memory_order_relaxed) == 0;
}
static inline void zd_post_fenced(uintptr_t semaphore) {
    if (zd_reads_zero(semaphore)) sem_post((sem_t *)semaphore); /* EOVERFLOW would mean that there are tokens enough */
}

/* The fence pairs with the one behind the sleeper's wait: it sees the changed state, or we see its semaphore at zero. */
void zd_post_if_zero(uintptr_t semaphore) {
    atomic_thread_fence(memory_order_seq_cst);
    zd_post_fenced(semaphore);
}

static uint64_t zd_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 1: took a token; 0: time is up; -1: a signal came, whose Python handler must run. */
int zd_wait(uintptr_t semaphore, uint64_t timeout_ns) {
    uint64_t until = zd_now() + timeout_ns;
    struct timespec deadline = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    int failed = sem_clockwait((sem_t *)semaphore, CLOCK_MONOTONIC, &deadline);
    int interrupted = failed && errno == EINTR;
    /* glibc's wait is acquire only; pairs with the poster's fence (zd_post_if_zero). */
    atomic_thread_fence(memory_order_seq_cst);
    return failed ? -interrupted : 1;
}

/* True when the window has passed. The clock is first read after a batch of looks that were all in vain. */
static int zd_spin_over(uint64_t *until, uint64_t window_ns) {
    uint64_t now = zd_now();
    if (*until == 0) *until = now + window_ns;
    if (now >= *until) return 1;
    sched_yield(); /* the peer may be waiting for this very processor */
    return 0;
}

/* ---- client ---- */

static void zd_mark(uintptr_t header) {
    uint8_t *bytes = (uint8_t *)header;
    memset(bytes, 0, ZD_FRAME_HEADER_V2_STATE_OFFSET);
    memset(bytes + ZD_FRAME_HEADER_V2_STATUS_OFFSET, 0, ZD_FRAME_HEADER_V2_SIZE - ZD_FRAME_HEADER_V2_STATUS_OFFSET);
    zd_set_state(header, ZD_FRAME_STATE_WRAP); /* published with the frame behind it */
}

/* marker: position of a wrap marker, or negative for none. */
void zd_publish(zd_port *port, int64_t marker, uint64_t position, uint64_t size, uint64_t sequence, uint64_t capacity,
                uint32_t opcode, uint32_t flags, uint64_t head, uint64_t free) {
    uintptr_t header = port->payload + position;
    if (marker >= 0) zd_mark(port->payload + (uint64_t)marker);
    *zd_plain64(header, ZD_FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET) = size;
    *zd_plain64(header, ZD_FRAME_HEADER_V2_SEQUENCE_NUMBER_OFFSET) = sequence;
    *zd_plain64(header, ZD_FRAME_HEADER_V2_CAPACITY_OFFSET) = capacity;
    *zd_plain32(header, ZD_FRAME_HEADER_V2_STATUS_OFFSET) = 0;
    *zd_plain64(header, ZD_FRAME_HEADER_V2_REQUEST_SIZE_OFFSET) = size;
    *zd_plain32(header, ZD_FRAME_HEADER_V2_OPCODE_OFFSET) = opcode;
    atomic_store_explicit(zd_half(header, ZD_FRAME_HEADER_V2_FLAGS_OFFSET), flags, memory_order_relaxed);
    memset((uint8_t *)header + ZD_FRAME_HEADER_V2_RESERVED_OFFSET, 0, ZD_FRAME_HEADER_V2_SIZE - ZD_FRAME_HEADER_V2_RESERVED_OFFSET);
    zd_set_state(header, ZD_FRAME_STATE_REQUEST); /* pairs with the server's acquire load of the state */
    zd_publish_word(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, head);
    zd_store_free(port, free);
    /* Last: pairs with the server's acquire load, which sees everything above. */
    zd_publish_word(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, sequence);
    zd_post_if_zero(port->request_ready);
}

void zd_store_free(zd_port *port, uint64_t free) {
    zd_publish_word(port->request, ZD_OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET, free);
    zd_publish_word(port->response, ZD_OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET, free);
}

/* Size of the response, or one of the ANSWER_ values of _ops.py: -1 not answered within the window, -2 failed, -3 no possible size. */
int64_t zd_answer_at(zd_port *port, uint64_t position, uint64_t window_ns) {
    uintptr_t header = port->payload + position;
    uint64_t until = 0;
    for (;;) {
        for (int i = 0; i < ZD_SPIN_BATCH; i++) {
            uint32_t state = zd_state(header); /* pairs with the server's release store in zd_answer */
            if (state == ZD_FRAME_STATE_RESPONSE) {
                uint64_t size = *zd_plain64(header, ZD_FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET);
                return size > ZD_MAX_FRAME_DATA ? -3 : (int64_t)size;
            }
            if (state == ZD_FRAME_STATE_FAILED) return -2;
            if (window_ns == 0) return -1;
            ZD_PAUSE();
        }
        if (zd_spin_over(&until, window_ns)) return -1;
    }
}

int zd_status_at(zd_port *port, uint64_t position) { return (int)*zd_plain32(port->payload + position, ZD_FRAME_HEADER_V2_STATUS_OFFSET); }
uint64_t zd_size_at(zd_port *port, uint64_t position) { return *zd_plain64(port->payload + position, ZD_FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET); }
int zd_state_at(zd_port *port, uint64_t position) { return (int)zd_state(port->payload + position); }

static int zd_move(uintptr_t header, uint32_t from, uint32_t to) {
    return atomic_compare_exchange_strong_explicit(zd_half(header, ZD_FRAME_HEADER_V2_STATE_OFFSET), &from, to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Pairs with the server's compare-and-swap in zd_take: exactly one of them wins. */
int zd_cancel(zd_port *port, uint64_t position) {
    return zd_move(port->payload + position, ZD_FRAME_STATE_REQUEST, ZD_FRAME_STATE_CANCELLED);
}

/* The caller looks at the state next; pairs with zd_answer, which stores the state, fences and looks at the flag. */
void zd_abandon(zd_port *port, uint64_t position) {
    atomic_fetch_or_explicit(zd_half(port->payload + position, ZD_FRAME_HEADER_V2_FLAGS_OFFSET), ZD_FRAME_FLAGS_ABANDONED,
                             memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
}

/* freed: bytes of the ring that are free with it. */
void zd_release(zd_port *port, uint64_t position, uint64_t freed) {
    port->claimed -= freed;
    zd_set_state(port->payload + position, ZD_FRAME_STATE_CONSUMED);
    /* Pairs with the draining server's acquire load. */
    zd_publish_word(port->response, ZD_OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, ++port->consumed);
    zd_store_free(port, port->size - port->claimed + port->open); /* an open claim is unpublished */
    atomic_thread_fence(memory_order_seq_cst);
    zd_post_fenced(port->response_consumed);
    zd_post_fenced(port->space_available);
}

/* Waits for any answer: the count follows the state. 1: it is no longer `seen`. */
int zd_spin_for_responses(zd_port *port, uint64_t seen, uint64_t window_ns) {
    uint64_t until = 0;
    for (;;) {
        for (int i = 0; i < ZD_SPIN_BATCH; i++) {
            if (zd_acquire(port->response, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET) != seen) return 1;
            ZD_PAUSE();
        }
        if (zd_spin_over(&until, window_ns)) return 0;
    }
}

/* ---- server ---- */

/* 1: there is something to look at, a request, a kick or a client that leaves. A kick before the call is not seen here, but by the look
 * that follows the window, or by the token that it left. */
int zd_spin_for_request(zd_port *port, uint64_t passed, uint64_t window_ns) {
    uint64_t until = 0;
    uint64_t kicks = atomic_load_explicit((_Atomic uint64_t *)&port->kicks, memory_order_acquire);
    for (;;) {
        for (int i = 0; i < ZD_SPIN_BATCH; i++) {
            /* Pairs with the client's store at the end of publishing. */
            if (zd_acquire(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET) != passed) return 1;
            ZD_PAUSE();
        }
        if (atomic_load_explicit((_Atomic uint64_t *)&port->kicks, memory_order_acquire) != kicks) return 1; /* pairs with zd_kick */
        if (zd_acquire(port->request, ZD_OIEB_V2_WRITER_PID_OFFSET) == ZD_RESET_WANTED) return 1;
        if (zd_spin_over(&until, window_ns)) return 0;
    }
}

/* The LOOK_ bits of _ops.py. seen gets the request block's written_count and, when that is not `passed`, its written_bytes. */
int zd_look(zd_port *port, uint64_t *seen, uint64_t passed) {
    /* The count first, the bytes behind it: they cover at least the frames counted. Pairs with the end of zd_publish. */
    uint64_t count = zd_acquire(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET);
    seen[0] = count;
    if (count != passed) seen[1] = zd_acquire(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET);
    /* Pairs with the stores of the leaving and the attaching client. */
    int reset = zd_acquire(port->request, ZD_OIEB_V2_WRITER_PID_OFFSET) == ZD_RESET_WANTED;
    return (count != passed) | reset << 1;
}

/* Makes the polling worker look again, whether it spins or sleeps. */
void zd_kick(zd_port *port) {
    atomic_fetch_add_explicit((_Atomic uint64_t *)&port->kicks, 1, memory_order_release);
    zd_post_if_zero(port->request_ready);
}

/* Pairs with the client's compare-and-swap in zd_cancel. 0: it was cancelled meanwhile. */
int zd_take(zd_port *port, uint64_t position, uint64_t passed) {
    if (!zd_move(port->payload + position, ZD_FRAME_STATE_REQUEST, ZD_FRAME_STATE_PROCESSING)) return 0;
    /* Pairs with the client's acquire load, which frees the waste before the frame. */
    zd_publish_word(port->request, ZD_OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, passed);
    return 1;
}

void zd_skip(zd_port *port, uint64_t position, uint64_t passed) {
    zd_publish_word(port->request, ZD_OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, passed);
    zd_finish(port, position);
}

void zd_answer(zd_port *port, uint64_t position, uint64_t size, int32_t status, int32_t state) {
    uintptr_t header = port->payload + position;
    *zd_plain64(header, ZD_FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET) = size;
    *zd_plain32(header, ZD_FRAME_HEADER_V2_STATUS_OFFSET) = (uint32_t)status;
    zd_set_state(header, (uint32_t)state); /* pairs with the client's acquire load in zd_answer_at */
    zd_publish_word(port->response, ZD_OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, port->response_bytes += size);
    zd_publish_word(port->response, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, ++port->responses);
    atomic_thread_fence(memory_order_seq_cst);
    zd_post_fenced(port->response_ready);
    /* The value first: the header's line is the client's by now and costs a cache miss. The frame may have been reused: a wrong yes is
     * one post too many. */
    if (zd_reads_zero(port->space_available) &&
        (atomic_load_explicit(zd_half(header, ZD_FRAME_HEADER_V2_FLAGS_OFFSET), memory_order_seq_cst) & ZD_FRAME_FLAGS_ABANDONED))
        zd_post_fenced(port->space_available);
}

/* Nothing of the frame is touched after the store; pairs with the client's acquire load of the state when it reclaims. */
void zd_finish(zd_port *port, uint64_t position) {
    zd_set_state(port->payload + position, ZD_FRAME_STATE_CONSUMED);
    zd_post_if_zero(port->space_available);
}
