/* One end of a ZeroBuffer v1 buffer. All members have 64 bits: Python sees them as an array of words (_v1/stream.py). */
typedef struct {
    uint64_t oieb;         /* address of the block */
    uint64_t payload;      /* address of the ring */
    uint64_t size;         /* of the ring */
    uint64_t data_written; /* addresses of the semaphores */
    uint64_t data_read;
    uint64_t position;     /* this end's own: where its next frame stands, */
    uint64_t count;        /* how many frames and markers it passed, */
    uint64_t sequence;     /* and the number of the last frame that it wrote */
    uint64_t token;        /* 1: the reader holds the token of a frame that it has not passed */
    uint64_t pokes;        /* tokens that the reader gave itself in order to wake, not taken yet */
    uint64_t seen_count;   /* what the last look saw: written_count, */
    uint64_t seen_size;    /* the header under the cursor, */
    uint64_t seen_sequence;
    uint64_t seen_first_size; /* and the one at the start of the ring */
    uint64_t seen_first_sequence;
} zd_stream;

int zd_v1_next(zd_stream *stream, uint64_t window_ns);
int zd_v1_sleep_for_frame(zd_stream *stream, uint64_t timeout_ns);
void zd_v1_look(zd_stream *stream);
void zd_v1_poke(zd_stream *stream);
uint64_t zd_v1_pass(zd_stream *stream, uint64_t position, uint64_t passed, uint64_t waste);
uint64_t zd_v1_credit(zd_stream *stream, uint64_t bytes, uint64_t frames);

int64_t zd_v1_space(zd_stream *stream, uint64_t need, uint64_t window_ns);
int zd_v1_publish(zd_stream *stream, uint64_t waste, uint64_t size);
