package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"
)

// ReadBuffer returns every field of a v1 buffer, its identity, and length, mode, uid and inode of the object.
func ReadBuffer(name string) (result map[string]any, err error) {
	err = look(name, func(mem memory, info os.FileInfo) (err error) {
		if result, err = mem.fields("buffer", 0); err != nil {
			return err
		}
		describe(result, info)
		result["identity"], result["payload_offset"] = mem.word(0), mem.bufferPayload()
		return nil
	})
	return result, err
}

// ReadBufferFrame returns the v1 header at a position of the payload.
func ReadBufferFrame(name string, position uint64) (map[string]any, error) {
	return readFields(name, "buffer_frame", position)
}

// WatchCreation looks at a buffer while its reader creates it, again and again: whenever the object is there it must have its whole length
// and both semaphores, and once its first word is stored everything else must be. It ends when the buffer is complete.
func WatchCreation(name string, patience time.Duration) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		f, err := os.Open(Path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		complete, err := checkCreation(name, f)
		f.Close()
		if complete || err != nil {
			return err
		}
	}
	return fmt.Errorf("there is no complete buffer after %v", patience)
}

func checkCreation(name string, f *os.File) (complete bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	content := make(memory, bufferMetadata)
	if _, err := f.ReadAt(content, 0); err != nil {
		return false, fmt.Errorf("the object is visible with %d bytes, before it has its length: %w", info.Size(), err)
	}
	fields, err := content.fields("buffer", 0)
	if err != nil {
		return false, err
	}
	size := bufferMetadata + fields["metadata_size"].(uint64) + fields["payload_size"].(uint64)
	if uint64(info.Size()) != size {
		return false, fmt.Errorf("the object is visible with %d bytes, its sizes say %d", info.Size(), size)
	}
	if content.word(0) == 0 {
		return false, nil
	}
	// Read again: fields stored before the first word must be there now.
	if _, err := f.ReadAt(content, 0); err != nil {
		return false, err
	}
	if pid, _ := content.get("buffer.reader_pid", 0); pid == 0 {
		return false, errors.New("the first word is stored before reader_pid is")
	}
	for _, which := range []string{DataWritten, DataRead} {
		if _, err := os.Stat(SemaphorePath(name, which)); err != nil {
			return false, fmt.Errorf("the first word is stored before the semaphore exists: %w", err)
		}
	}
	return true, nil
}
