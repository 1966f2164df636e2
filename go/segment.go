package zeroduplex

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// segment is one mapped in-place duplex segment with its semaphores and what tells who lives. Both sides use it.
type segment struct {
	ring.Memory
	name             string
	provider         MemoryProvider
	metadataRequest  []byte
	metadataResponse []byte
	life             liveness
	semaphores
}

// semaphores are the four of a segment, named after what they announce.
type semaphores struct {
	requestReady, responseReady, responseConsumed, spaceAvailable *sem.Semaphore
}

// semaphoreKind ties a semaphore's name to its place in the struct.
type semaphoreKind struct {
	kind string
	name func(string) string
	at   func(*semaphores) **sem.Semaphore
}

var semaphoreKinds = []semaphoreKind{
	{"request-ready", wire.RequestReadySemaphore, func(s *semaphores) **sem.Semaphore { return &s.requestReady }},
	{"response-ready", wire.ResponseReadySemaphore, func(s *semaphores) **sem.Semaphore { return &s.responseReady }},
	{"response-consumed", wire.ResponseConsumedSemaphore, func(s *semaphores) **sem.Semaphore { return &s.responseConsumed }},
	{"space-available", wire.SpaceAvailableSemaphore, func(s *semaphores) **sem.Semaphore { return &s.spaceAvailable }},
}

// replaceSemaphores puts fresh ones in place of whatever the names meant before.
func replaceSemaphores(name string, mode os.FileMode) (semaphores, error) {
	var all semaphores
	for _, k := range semaphoreKinds {
		s, err := sem.Replace(wire.SemaphorePath(k.name(name)), wire.TemporaryPath(name, k.kind), mode)
		if err != nil {
			return semaphores{}, errors.Join(err, all.remove(name), all.close())
		}
		*k.at(&all) = s
	}
	return all, nil
}

func openSemaphores(name string) (semaphores, error) {
	var all semaphores
	for _, k := range semaphoreKinds {
		s, err := sem.Open(wire.SemaphorePath(k.name(name)))
		if err != nil {
			return semaphores{}, errors.Join(err, all.close())
		}
		*k.at(&all) = s
	}
	return all, nil
}

// remove unlinks the names that still mean these semaphores.
func (all *semaphores) remove(name string) error {
	var errs []error
	for _, k := range semaphoreKinds {
		if s := *k.at(all); s != nil {
			errs = append(errs, s.RemoveIfSame(wire.SemaphorePath(k.name(name))))
		}
	}
	return errors.Join(errs...)
}

func (all *semaphores) close() error {
	var errs []error
	for _, k := range semaphoreKinds {
		errs = append(errs, (*k.at(all)).Close())
	}
	return errors.Join(errs...)
}

// overlay lays the regions over memory whose length was checked against the layout.
func overlay(name string, provider MemoryProvider, l wire.SegmentV2) *segment {
	mem := provider.Bytes()
	region := func(r wire.Region) []byte { return mem[r.Offset : r.Offset+r.Size : r.Offset+r.Size] }
	block := func(r wire.Region) *wire.OiebV2 { return (*wire.OiebV2)(unsafe.Pointer(&mem[r.Offset])) }
	return &segment{
		Memory:           ring.Memory{Request: block(l.OiebRequest), Response: block(l.OiebResponse), Payload: region(l.Payload)},
		name:             name,
		provider:         provider,
		metadataRequest:  region(l.MetadataRequest),
		metadataResponse: region(l.MetadataResponse),
	}
}

// unmap ends this process's use of the segment. Nobody may use it, its frames or its semaphores any more.
func (s *segment) unmap() error {
	return errors.Join(s.semaphores.close(), s.life.close(), s.provider.Close())
}

// writeMetadata stores content into a side's own metadata block; written_bytes last. Pairs with readMetadata on the other side.
func writeMetadata(block *wire.OiebV2, area, content []byte) error {
	if uint64(len(content))+wire.MetadataPrefixSize > uint64(len(area)) {
		room := max(uint64(len(area)), wire.MetadataPrefixSize) - wire.MetadataPrefixSize
		return &Error{Code: ErrorCodeMetadataTooLarge, Op: "set metadata", Detail: fmt.Sprintf("%d bytes, room for %d", len(content), room)}
	}
	written := uint64(len(content)) + wire.MetadataPrefixSize
	copy(area[wire.MetadataPrefixSize:], content)
	(*wire.MetadataBlock)(unsafe.Pointer(&area[0])).ContentLength = uint64(len(content))
	block.MetadataFreeBytes.Store(uint64(len(area)) - written)
	block.MetadataWrittenBytes.Store(written)
	return nil
}

// readMetadata copies the other side's metadata, nil when it has written none. Pairs with writeMetadata.
func readMetadata(block *wire.OiebV2, area []byte) ([]byte, error) {
	written := block.MetadataWrittenBytes.Load()
	if written == 0 {
		return nil, nil
	}
	if written < wire.MetadataPrefixSize || written > uint64(len(area)) {
		return nil, &Error{Code: ErrorCodeCorrupted, Op: "read metadata", Detail: fmt.Sprintf("metadata_written_bytes %d in a block of %d", written, len(area))}
	}
	length := (*wire.MetadataBlock)(unsafe.Pointer(&area[0])).ContentLength
	if length != written-wire.MetadataPrefixSize {
		return nil, &Error{Code: ErrorCodeCorrupted, Op: "read metadata", Detail: fmt.Sprintf("length prefix %d, metadata_written_bytes %d", length, written)}
	}
	return append([]byte{}, area[wire.MetadataPrefixSize:written]...), nil
}

// checkName applies the name rules.
func checkName(op, name string) error {
	if !wire.ValidName(name) {
		return &Error{Code: ErrorCodeInvalidName, Op: op, Channel: name, Detail: fmt.Sprintf("%d bytes", len(name))}
	}
	return nil
}
