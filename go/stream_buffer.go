package zeroduplex

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/process"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// streamBuffer is one mapped v1 buffer with its semaphores. Its reader and its writer use it.
type streamBuffer struct {
	stream.Memory
	name     string
	provider MemoryProvider
	metadata []byte
	tokens
}

// tokens are the semaphores of a buffer: a token of dataWritten for each frame, and hints that something was released.
type tokens struct {
	dataWritten, dataRead *sem.Semaphore
}

var streamSemaphores = semaphoreKinds[tokens]{
	{"data-written", wire.DataWrittenSemaphore, func(t *tokens) **sem.Semaphore { return &t.dataWritten }},
	{"data-read", wire.DataReadSemaphore, func(t *tokens) **sem.Semaphore { return &t.dataRead }},
}

// overlayV1 lays the regions over memory whose length was checked against the layout.
func overlayV1(name string, provider MemoryProvider, l wire.SegmentV1) *streamBuffer {
	mem := provider.Bytes()
	region := func(r wire.Region) []byte { return mem[r.Offset : r.Offset+r.Size : r.Offset+r.Size] }
	return &streamBuffer{
		Memory:   stream.Memory{Oieb: (*wire.OiebV1)(unsafe.Pointer(&mem[l.Oieb.Offset])), Payload: region(l.Payload)},
		name:     name,
		provider: provider,
		metadata: region(l.Metadata),
	}
}

// unmap ends this process's use of the buffer. Nobody may use it, its frames or its semaphores any more.
func (b *streamBuffer) unmap() error {
	return errors.Join(streamSemaphores.close(&b.tokens), b.provider.Close())
}

// putMetadata stores the writer's metadata; the free bytes come last, as published writers have it. Pairs with getMetadata of the reader.
func (b *streamBuffer) putMetadata(content []byte) error {
	if b.Oieb.MetadataWrittenBytes.Load() > 0 {
		return &Error{Code: ErrorCodeMetadataAlreadyWritten, Op: "set metadata", Channel: b.name}
	}
	written, err := putMetadata(b.metadata, content)
	if err != nil {
		return err
	}
	b.Oieb.MetadataWrittenBytes.Store(written)
	b.Oieb.MetadataFreeBytes.Store(uint64(len(b.metadata)) - written)
	return nil
}

// getMetadata copies the metadata, nil when none was written. Pairs with putMetadata of the writer.
func (b *streamBuffer) getMetadata() ([]byte, error) {
	return getMetadata(b.metadata, b.Oieb.MetadataWrittenBytes.Load())
}

// peer watches the process at the other end of a buffer by its pid, the only sign of life that v1 has.
type peer struct {
	known   bool      // somebody was attached there
	dead    uint64    // pid of the one that was found dead
	checked time.Time // when the kernel was asked last
}

// gone reports whether nobody is there any more: who was there has left or died. Asking the kernel is not cheap, so it is done once a slice.
func (p *peer) gone(pid uint64, now time.Time) bool {
	switch {
	case pid == wire.PidNone:
		return p.known
	case now.Sub(p.checked) < wire.DefaultV2WaitSlice:
		p.known = true
		return pid == p.dead
	}
	p.known, p.checked, p.dead = true, now, wire.PidNone
	if process.Alive(pid) {
		return false
	}
	p.dead = pid
	return true
}

// ownPid is what stands in the pid fields that are ours.
func ownPid() uint64 { return uint64(os.Getpid()) }
