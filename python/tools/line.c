/* The raw limit that the bench peers measure beside the SDK: one cache line bounced between two processes, without Python in the way. */
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { CHECK_EVERY = 1 << 20 };
static const uint64_t GIVE_UP_NS = 10000000000u;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void line_store(uintptr_t ball, uint64_t value) { atomic_store_explicit((_Atomic uint64_t *)ball, value, memory_order_release); }

/* 1: the ball has the value (acquire, pairs with line_store on the other side); 0: no progress for ten seconds. */
int line_await(uintptr_t ball, uint64_t value) {
    uint64_t until = 0;
    for (uint64_t i = 1; atomic_load_explicit((_Atomic uint64_t *)ball, memory_order_acquire) != value; i++) {
        if (i % CHECK_EVERY) continue;
        if (until == 0) until = now() + GIVE_UP_NS;
        else if (now() > until) return 0;
    }
    return 1;
}

/* The server's side: returns the ball so many times. */
int line_return(uintptr_t ball, uint64_t rounds) {
    for (uint64_t i = 1; i <= rounds; i++) {
        if (!line_await(ball, 2 * i - 1)) return 0;
        line_store(ball, 2 * i);
    }
    return 1;
}

/* The client's side: one sample in ns per round, the cost of reading the clock included. */
int line_serve(uintptr_t ball, uint64_t rounds, uint64_t *samples) {
    uint64_t before = now();
    for (uint64_t i = 1; i <= rounds; i++) {
        line_store(ball, 2 * i - 1);
        if (!line_await(ball, 2 * i)) return 0;
        uint64_t after = now();
        samples[i - 1] = after - before;
        before = after;
    }
    return 1;
}

/* Back-to-back readings of the clock that line_serve uses. */
void line_clock(uint64_t count, uint64_t *samples) {
    uint64_t before = now();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t after = now();
        samples[i] = after - before;
        before = after;
    }
}
