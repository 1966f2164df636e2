/* One segment and the numbers of its ends, each end's guarded by its lock. All members have 64 bits: Python sees them as an array of words
 * (_ops.py). */
typedef struct {
    uintptr_t request;            /* address of the request block */
    uintptr_t response;           /* address of the response block */
    uintptr_t payload;            /* address of the payload */
    uintptr_t request_ready;      /* addresses of the four semaphores */
    uintptr_t response_ready;
    uintptr_t response_consumed;
    uintptr_t space_available;
    uint64_t kicks;               /* grows when a spinning worker must look at more than the ring */
    uint64_t size;                /* of the payload */
    uint64_t eager;               /* client: whether an empty ring starts again at its beginning whenever it may */
    uint64_t head;                /* client: cumulative */
    uint64_t claimed;             /* client: bytes between tail and head, waste and the open claim included */
    uint64_t open;                /* client: bytes of the open claim, 0 when none is open */
    uint64_t last;                /* client: sequence number of the last request */
    uint64_t consumed;            /* client: responses given back */
    uint64_t cursor;              /* server: cumulative */
    uint64_t passed;              /* server: frames passed */
    uint64_t seen;                /* server: highest written_count seen */
    uint64_t responses;           /* server: given, */
    uint64_t response_bytes;      /* and their bytes */
    uint64_t taken_position;      /* server: the request that zd_take_next took */
    uint64_t taken_size;
    uint64_t taken_capacity;
    uint64_t taken_opcode;
    uint64_t taken_flags;
    uint64_t taken_sequence;
    uint64_t serving;             /* server: 1 while its only worker, which serves without the lock, has a request */
} zd_port;

uint64_t zd_load64(uintptr_t address);
void zd_store64(uintptr_t address, uint64_t value);
int zd_cas64(uintptr_t address, uint64_t expected, uint64_t desired);
void zd_touch(uintptr_t address, uint64_t size, uint64_t page);
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
void zd_release(zd_port *port, uint64_t position, uint64_t freed);
void zd_store_free(zd_port *port, uint64_t free);
int zd_spin_for_responses(zd_port *port, uint64_t seen, uint64_t window_ns);

int zd_spin_for_request(zd_port *port, uint64_t passed, uint64_t window_ns);
int zd_look(zd_port *port, uint64_t *seen, uint64_t passed);
void zd_kick(zd_port *port);
int zd_take(zd_port *port, uint64_t position, uint64_t passed);
void zd_skip(zd_port *port, uint64_t position, uint64_t passed);
void zd_answer(zd_port *port, uint64_t position, uint64_t size, int32_t status, int32_t state);
void zd_finish(zd_port *port, uint64_t position);
