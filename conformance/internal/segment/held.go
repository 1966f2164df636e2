package segment

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// Held is a v1 buffer whose object and semaphores are open, so that they can be read when their names are gone.
type Held struct {
	object     *os.File
	semaphores map[string]semaphore
}

// Hold opens a buffer.
func Hold(name string) (*Held, error) {
	h := &Held{semaphores: map[string]semaphore{}}
	var err error
	if h.object, err = os.Open(Path(name)); err != nil {
		return nil, err
	}
	for short, which := range map[string]string{"w": DataWritten, "r": DataRead} {
		s, err := openSemaphore(name, which)
		if err != nil {
			h.Close()
			return nil, err
		}
		h.semaphores[short] = s
	}
	return h, nil
}

// Read returns the bytes of the object and the values of the semaphores, w and r.
func (h *Held) Read() ([]byte, map[string]uint64, error) {
	info, err := h.object.Stat()
	if err != nil {
		return nil, nil, err
	}
	content := make([]byte, info.Size())
	if _, err := h.object.ReadAt(content, 0); err != nil {
		return nil, nil, err
	}
	values := map[string]uint64{}
	for short, s := range h.semaphores {
		values[short] = uint64(s.value())
	}
	return content, values, nil
}

// Close lets go of everything; there is nobody to tell that it failed.
func (h *Held) Close() {
	h.object.Close()
	for _, s := range h.semaphores {
		_ = s.close()
	}
}

// Difference tells the first difference between two copies of a segment or buffer, "" for none.
func Difference(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d bytes instead of %d", len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			return fmt.Sprintf("byte %#x (%s) is %#02x instead of %#02x", i, Located(want, uint64(i)), got[i], want[i])
		}
	}
	return ""
}

// BufferPayload is where the payload of a copy of a v1 buffer begins.
func BufferPayload(content []byte) uint64 { return memory(content).bufferPayload() }

// RemoveAll removes files.
func RemoveAll(files []string) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, os.Remove(f))
	}
	return errors.Join(errs...)
}
