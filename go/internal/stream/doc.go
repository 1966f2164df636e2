// Package stream is the ring of a ZeroBuffer v1 buffer: frames from one writer to one reader, each a header of 16 bytes and its data,
// contiguous, without alignment.
//
// payload_free_bytes is the only field that both ends change and the only thing that lets the writer overwrite anything. It counts what
// no frame and no waste claims; waste is what is left of the payload behind a frame that was followed by one at the start. The writer
// leaves either nothing or room for a marker there: published readers misread a tail of 1 to 15 bytes. Such a tail, left by a published
// writer, is passed over without a marker.
//
// The package knows memory only. Semaphores, waiting and who lives are the business of its callers, who hold a lock.
package stream
