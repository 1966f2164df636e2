/* What a server does with nearly every request, as one call. It does its whole job or, where anything is out of the ordinary, nothing at
 * all: then Python does the same step by step, and says what is wrong. */

/* Each field of a header is read once, and only the copy is checked and used. Published by written_count, loaded with acquire before. */
static inline uint64_t zd_once64(uintptr_t header, uint64_t offset) { return atomic_load_explicit(zd_word(header, offset), memory_order_relaxed); }
static inline uint32_t zd_once32(uintptr_t header, uint64_t offset) { return atomic_load_explicit(zd_half(header, offset), memory_order_relaxed); }

/* Takes the next request when there is one without a wrap marker before it. The server's lock is held. 1: it is in the taken_ words;
 * 0: nothing done, because there is none, or it is cancelled, or a client wants a reset, or something is corrupt. The rules are those of
 * ServerRing.next. */
int zd_take_next(zd_port *port) {
    uint64_t passed = port->passed, size = port->size, cursor = port->cursor;
    /* The count first, the bytes behind it: they cover at least the frames counted. Pairs with the end of zd_publish. */
    uint64_t count = zd_acquire(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET);
    if (count <= passed || count < port->seen) return 0;
    uint64_t distance = zd_acquire(port->request, ZD_OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET) - cursor;
    /* Pairs with the stores of the leaving and the attaching client. */
    if (zd_acquire(port->request, ZD_OIEB_V2_WRITER_PID_OFFSET) == ZD_RESET_WANTED) return 0;
    if (distance % ZD_BLOCK_ALIGNMENT != 0 || distance >= ZD_CURSOR_LAP_LIMIT * size) return 0;
    while (distance > size) {
        uint64_t lap = size - cursor % size;
        cursor += lap;
        distance -= lap;
    }
    if (distance < ZD_FRAME_HEADER_V2_SIZE) return 0;
    uint64_t position = cursor % size, room = size - position;
    room = (room < distance ? room : distance) - ZD_FRAME_HEADER_V2_SIZE;
    uintptr_t header = port->payload + position;
    if (zd_state(header) != ZD_FRAME_STATE_REQUEST) return 0; /* pairs with the client's release store */
    uint64_t bytes = zd_once64(header, ZD_FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET);
    uint64_t sequence = zd_once64(header, ZD_FRAME_HEADER_V2_SEQUENCE_NUMBER_OFFSET);
    uint64_t capacity = zd_once64(header, ZD_FRAME_HEADER_V2_CAPACITY_OFFSET);
    uint32_t opcode = zd_once32(header, ZD_FRAME_HEADER_V2_OPCODE_OFFSET);
    uint32_t flags = zd_once32(header, ZD_FRAME_HEADER_V2_FLAGS_OFFSET);
    if (sequence != passed + 1 || capacity % ZD_BLOCK_ALIGNMENT != 0 || capacity > room || capacity > ZD_MAX_FRAME_DATA || bytes > capacity)
        return 0;
    if (!zd_take(port, position, sequence)) return 0;
    port->seen = count;
    port->passed = sequence;
    port->cursor = cursor + ZD_FRAME_HEADER_V2_SIZE + capacity;
    port->taken_position = position;
    port->taken_size = bytes;
    port->taken_capacity = capacity;
    port->taken_opcode = opcode;
    port->taken_flags = flags;
    port->taken_sequence = sequence;
    return 1;
}
