/* The steps of ZeroBuffer v1 in which memory order matters; what helper.c says of itself holds here, too. Each step also keeps this end's
 * own position and counts, so that a signal between two lines of Python can never leave them half changed. */

static inline uint64_t zd_v1_word(zd_stream *stream, uint64_t offset) { return zd_acquire(stream->oieb, offset); }
static inline _Atomic uint64_t *zd_v1_free(zd_stream *stream) { return zd_word(stream->oieb, ZD_OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET); }

static inline uint32_t zd_v1_value(uint64_t semaphore) {
    return atomic_load_explicit(zd_half(semaphore, ZD_NAMED_SEMAPHORE_VALUE_OFFSET), memory_order_acquire);
}

/* ---- reader ---- */

/* Headers stand anywhere, so they are copied out bytewise; written_count, loaded with acquire before, published them. */
static void zd_v1_header(zd_stream *stream, uint64_t position, uint64_t *size, uint64_t *sequence) {
    memcpy(size, (const void *)(stream->payload + position + ZD_FRAME_HEADER_V1_PAYLOAD_SIZE_OFFSET), sizeof *size);
    memcpy(sequence, (const void *)(stream->payload + position + ZD_FRAME_HEADER_V1_SEQUENCE_NUMBER_OFFSET), sizeof *sequence);
}

void zd_v1_look(zd_stream *stream) {
    stream->seen_count = zd_v1_word(stream, ZD_OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET); /* pairs with the end of zd_v1_publish */
    stream->seen_size = stream->seen_sequence = stream->seen_first_size = stream->seen_first_sequence = 0;
    if (stream->size < ZD_FRAME_HEADER_V1_SIZE) return; /* no header fits: what was counted cannot be there */
    zd_v1_header(stream, 0, &stream->seen_first_size, &stream->seen_first_sequence);
    if (stream->size - stream->position >= ZD_FRAME_HEADER_V1_SIZE)
        zd_v1_header(stream, stream->position, &stream->seen_size, &stream->seen_sequence);
}

/* A token was taken. It is a frame's, unless it is one of those that we gave ourselves: how many tokens are left counts, not which. */
static int zd_v1_took(zd_stream *stream) {
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the writer's fence before its post */
    _Atomic uint64_t *pokes = zd_word((uintptr_t)&stream->pokes, 0);
    uint64_t left = atomic_load_explicit(pokes, memory_order_acquire);
    while (left > 0)
        if (atomic_compare_exchange_weak_explicit(pokes, &left, left - 1, memory_order_acq_rel, memory_order_acquire)) return -1;
    stream->token = 1;
    return 1;
}

/* 1: the token of a frame is in hand and the frame was looked at; 0: none came within the window; -1: a poke came. */
int zd_v1_next(zd_stream *stream, uint64_t window_ns) {
    uint64_t until = 0;
    while (!stream->token) {
        for (int i = 0; i < ZD_SPIN_BATCH; i++) {
            if (zd_v1_value(stream->data_written) && sem_trywait((sem_t *)stream->data_written) == 0) {
                if (zd_v1_took(stream) < 0) return -1;
                break;
            }
            if (window_ns == 0) return 0;
            ZD_PAUSE();
        }
        if (!stream->token && zd_spin_over(&until, window_ns)) return 0;
    }
    zd_v1_look(stream);
    return 1;
}

/* The same, asleep, for so long; also 0 when a signal came, whose Python handler must run. */
int zd_v1_sleep_for_frame(zd_stream *stream, uint64_t timeout_ns) {
    if (!stream->token) {
        if (zd_wait(stream->data_written, timeout_ns) != 1) return 0;
        if (zd_v1_took(stream) < 0) return -1;
    }
    zd_v1_look(stream);
    return 1;
}

/* Makes a sleeping or spinning reader of this very end return. */
void zd_v1_poke(zd_stream *stream) {
    atomic_fetch_add_explicit(zd_word((uintptr_t)&stream->pokes, 0), 1, memory_order_acq_rel);
    if (sem_post((sem_t *)stream->data_written) != 0)
        atomic_fetch_sub_explicit(zd_word((uintptr_t)&stream->pokes, 0), 1, memory_order_acq_rel); /* it has tokens enough to wake */
}

/* Goes on to a position behind so many frames and markers, using the token up, and frees what was wasted before them. How many bytes
 * were free before that, or 0 when nothing was wasted. (Before, because GCC 12 computes `waste ? fetch_add(p, waste) + waste : 0`
 * wrongly.) */
uint64_t zd_v1_pass(zd_stream *stream, uint64_t position, uint64_t passed, uint64_t waste) {
    uint64_t before = 0;
    if (waste) before = atomic_fetch_add_explicit(zd_v1_free(stream), waste, memory_order_acq_rel);
    stream->position = position;
    stream->count += passed;
    stream->token = 0;
    /* Pair with whoever looks from outside, and with a client that waits until its predecessor's requests are read. */
    zd_publish_word(stream->oieb, ZD_OIEB_V1_PAYLOAD_READ_POS_OFFSET, stream->position);
    zd_publish_word(stream->oieb, ZD_OIEB_V1_PAYLOAD_READ_COUNT_OFFSET, stream->count);
    return before;
}

/* Frees so many bytes of that many frames, and says how many were free before. */
uint64_t zd_v1_credit(zd_stream *stream, uint64_t bytes, uint64_t frames) {
    /* Pairs with the writer's load in zd_v1_space: what it writes there comes after what we read. */
    uint64_t before = atomic_fetch_add_explicit(zd_v1_free(stream), bytes, memory_order_acq_rel);
    atomic_thread_fence(memory_order_seq_cst); /* a writer that sleeps sees the bytes, or we see its semaphore without tokens */
    while (frames-- > 0 && zd_v1_value(stream->data_read) < ZD_DATA_READ_TOKEN_LIMIT) sem_post((sem_t *)stream->data_read);
    return before;
}

/* ---- writer ---- */

/* Free bytes, after spinning until there are as many as needed or the window is over; -1: the reader has closed. */
int64_t zd_v1_space(zd_stream *stream, uint64_t need, uint64_t window_ns) {
    uint64_t until = 0;
    for (;;) {
        uint64_t left = 0;
        for (int i = 0; i < ZD_SPIN_BATCH; i++) {
            if (zd_v1_word(stream, ZD_OIEB_V1_READER_PID_OFFSET) == ZD_PID_NONE) return -1; /* pairs with the closing reader's store */
            left = atomic_load_explicit(zd_v1_free(stream), memory_order_acquire);          /* pairs with zd_v1_credit */
            if (left >= need || window_ns == 0) return left > INT64_MAX ? INT64_MAX : (int64_t)left;
            ZD_PAUSE();
        }
        if (zd_spin_over(&until, window_ns)) return (int64_t)left;
    }
}

/* Publishes the frame whose data stands where it belongs: at the position, or at the start of the ring when the rest of it is wasted.
 * 0, or the error of the post, after which the frame is published all the same. */
int zd_v1_publish(zd_stream *stream, uint64_t waste, uint64_t size) {
    uint64_t position = stream->position;
    if (waste) {
        if (waste >= ZD_FRAME_HEADER_V1_SIZE) {
            memset((void *)(stream->payload + position), 0, ZD_FRAME_HEADER_V1_SIZE);
            stream->count++; /* a marker counts; a rest too small for one does not */
        }
        atomic_fetch_sub_explicit(zd_v1_free(stream), waste, memory_order_acq_rel);
        position = 0;
    }
    uint64_t sequence = ++stream->sequence, total = ZD_FRAME_HEADER_V1_SIZE + size;
    memcpy((void *)(stream->payload + position + ZD_FRAME_HEADER_V1_PAYLOAD_SIZE_OFFSET), &size, sizeof size);
    memcpy((void *)(stream->payload + position + ZD_FRAME_HEADER_V1_SEQUENCE_NUMBER_OFFSET), &sequence, sizeof sequence);
    position += total;
    stream->position = position == stream->size ? 0 : position;
    stream->count++;
    zd_publish_word(stream->oieb, ZD_OIEB_V1_PAYLOAD_WRITE_POS_OFFSET, stream->position);
    atomic_fetch_sub_explicit(zd_v1_free(stream), total, memory_order_acq_rel);
    zd_publish_word(stream->oieb, ZD_OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET, stream->count); /* pairs with zd_v1_look */
    atomic_thread_fence(memory_order_seq_cst);
    return sem_post((sem_t *)stream->data_written) == 0 ? 0 : errno;
}
