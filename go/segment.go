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

var segmentSemaphores = semaphoreKinds[semaphores]{
	{"request-ready", wire.RequestReadySemaphore, func(s *semaphores) **sem.Semaphore { return &s.requestReady }},
	{"response-ready", wire.ResponseReadySemaphore, func(s *semaphores) **sem.Semaphore { return &s.responseReady }},
	{"response-consumed", wire.ResponseConsumedSemaphore, func(s *semaphores) **sem.Semaphore { return &s.responseConsumed }},
	{"space-available", wire.SpaceAvailableSemaphore, func(s *semaphores) **sem.Semaphore { return &s.spaceAvailable }},
}

func replaceSemaphores(name string, mode os.FileMode) (semaphores, error) {
	return segmentSemaphores.replace(name, mode)
}

func openSemaphores(name string) (semaphores, error) { return segmentSemaphores.open(name) }

func (all *semaphores) remove(name string) error { return segmentSemaphores.remove(all, name) }

func (all *semaphores) close() error { return segmentSemaphores.close(all) }

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
	written, err := putMetadata(area, content)
	if err != nil {
		return err
	}
	block.MetadataFreeBytes.Store(uint64(len(area)) - written)
	block.MetadataWrittenBytes.Store(written)
	return nil
}

// putMetadata copies content and its length into a metadata block of either protocol and returns what it takes there.
func putMetadata(area, content []byte) (written uint64, err error) {
	if uint64(len(content))+wire.MetadataPrefixSize > uint64(len(area)) {
		room := max(uint64(len(area)), wire.MetadataPrefixSize) - wire.MetadataPrefixSize
		return 0, &Error{Code: ErrorCodeMetadataTooLarge, Op: "set metadata", Detail: fmt.Sprintf("%d bytes, room for %d", len(content), room)}
	}
	copy(area[wire.MetadataPrefixSize:], content)
	(*wire.MetadataBlock)(unsafe.Pointer(&area[0])).ContentLength = uint64(len(content))
	return uint64(len(content)) + wire.MetadataPrefixSize, nil
}

// readMetadata copies the other side's metadata, nil when it has written none. Pairs with writeMetadata.
func readMetadata(block *wire.OiebV2, area []byte) ([]byte, error) {
	written := block.MetadataWrittenBytes.Load()
	content, err := getMetadata(area, written)
	if err == nil && written != 0 && uint64(len(content)) != written-wire.MetadataPrefixSize {
		return nil, corruptMetadata("length prefix %d, metadata_written_bytes %d", uint64(len(content)), written)
	}
	return content, err
}

// getMetadata copies the content of a metadata block of either protocol, in which so many bytes were written.
func getMetadata(area []byte, written uint64) ([]byte, error) {
	if written == 0 {
		return nil, nil
	}
	if written < wire.MetadataPrefixSize || written > uint64(len(area)) {
		return nil, corruptMetadata("metadata_written_bytes %d in a block of %d", written, uint64(len(area)))
	}
	length := (*wire.MetadataBlock)(unsafe.Pointer(&area[0])).ContentLength
	if length > written-wire.MetadataPrefixSize {
		return nil, corruptMetadata("length prefix %d, metadata_written_bytes %d", length, written)
	}
	return append([]byte{}, area[wire.MetadataPrefixSize:wire.MetadataPrefixSize+length]...), nil
}

func corruptMetadata(format string, found, limit uint64) error {
	return &Error{Code: ErrorCodeCorrupted, Op: "read metadata", Detail: fmt.Sprintf(format, found, limit)}
}

// checkName applies the name rules.
func checkName(op, name string) error {
	if !wire.ValidName(name) {
		return &Error{Code: ErrorCodeInvalidName, Op: op, Channel: name, Detail: fmt.Sprintf("%d bytes", len(name))}
	}
	return nil
}
