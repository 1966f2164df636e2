/* The raw limits that the bench peers measure beside the SDK, without Python in the way: one cache line bounced between two processes, and
   two semaphores posted in turn. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
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

int current_cpu(void) { return sched_getcpu(); }

/* The benchmark's semaphore of that name, which is never closed; 0, and why in error, when there is none. */
uintptr_t semaphore_open(const char *name, int *error) {
    sem_t *semaphore = sem_open(name, 0);
    *error = semaphore == SEM_FAILED ? errno : 0;
    return semaphore == SEM_FAILED ? 0 : (uintptr_t)semaphore;
}

/* 1: took a token; 0: none came within ten seconds. */
static int semaphore_wait(uintptr_t semaphore) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(GIVE_UP_NS / 1000000000u);
    while (sem_clockwait((sem_t *)semaphore, CLOCK_MONOTONIC, &until) != 0)
        if (errno != EINTR) return 0;
    return 1;
}

/* The server's side: answers so many times. */
int semaphores_return(uintptr_t ping, uintptr_t pong, uint64_t rounds) {
    for (; rounds > 0; rounds--)
        if (!semaphore_wait(ping) || sem_post((sem_t *)pong) != 0) return 0;
    return 1;
}

/* The client's side: one sample in ns per round, the cost of reading the clock included. */
int semaphores_serve(uintptr_t ping, uintptr_t pong, uint64_t rounds, uint64_t *samples) {
    uint64_t before = now();
    for (uint64_t i = 0; i < rounds; i++) {
        if (sem_post((sem_t *)ping) != 0 || !semaphore_wait(pong)) return 0;
        uint64_t after = now();
        samples[i] = after - before;
        before = after;
    }
    return 1;
}

/* One sample in ns: the same bytes copied so many times. */
uint64_t copy_repeatedly(char *to, const char *from, uint64_t size, uint64_t times) {
    uint64_t before = now();
    for (uint64_t i = 0; i < times; i++) {
        memcpy(to, from, size);
        __asm__ volatile("" : : "r"(to) : "memory"); /* somebody might look at every copy */
    }
    return now() - before;
}
