typedef struct {
    uintptr_t request;            /* address of the request block */
    uintptr_t response;           /* address of the response block */
    uintptr_t payload;            /* address of the payload */
    uintptr_t request_ready;      /* addresses of the four semaphores */
    uintptr_t response_ready;
    uintptr_t response_consumed;
    uintptr_t space_available;
    uint32_t kicks;               /* grows when a spinning worker must look at more than the ring */
} zd_port;

uint64_t zd_load64(uintptr_t address);
void zd_store64(uintptr_t address, uint64_t value);
int zd_cas64(uintptr_t address, uint64_t expected, uint64_t desired);
void zd_post_if_zero(uintptr_t semaphore);
int zd_wait(uintptr_t semaphore, uint64_t timeout_ns);

void zd_publish(zd_port *port, int64_t marker, uint64_t position, uint64_t size, uint64_t sequence, uint64_t capacity,
                uint32_t opcode, uint32_t flags, uint64_t head, uint64_t free);
int64_t zd_answer_at(zd_port *port, uint64_t position, uint64_t window_ns);
int zd_status_at(zd_port *port, uint64_t position);
uint64_t zd_size_at(zd_port *port, uint64_t position);
int zd_state_at(zd_port *port, uint64_t position);
int zd_cancel(zd_port *port, uint64_t position);
void zd_abandon(zd_port *port, uint64_t position);
void zd_release(zd_port *port, uint64_t position, uint64_t consumed, uint64_t free);
void zd_store_free(zd_port *port, uint64_t free);
int zd_spin_for_responses(zd_port *port, uint64_t seen, uint64_t window_ns);

int zd_spin_for_request(zd_port *port, uint64_t passed, uint64_t window_ns);
int zd_look(zd_port *port, uint64_t *seen, uint64_t passed);
void zd_kick(zd_port *port);
int zd_take(zd_port *port, uint64_t position, uint64_t passed);
void zd_skip(zd_port *port, uint64_t position, uint64_t passed);
void zd_answer(zd_port *port, uint64_t position, uint64_t size, int32_t status, int32_t state, uint64_t bytes, uint64_t count);
void zd_finish(zd_port *port, uint64_t position);
