package zeroduplex

import (
	"fmt"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// reserve waits for room; mu and the turn are held. Running out of time gives the context's errors.
func (w *Writer) reserve(p *pause, op string, need uint64) error {
	for {
		if w.failure != nil {
			return w.failure
		}
		free, err := w.ring.Free()
		if err != nil {
			return w.broken(op, err)
		}
		if err := w.checkReader(op); err != nil {
			return err
		}
		if free >= need {
			return nil
		}
		p.begin(w.options)
		if err := p.expired(); err != nil {
			return err
		}
		w.rest(p, need)
	}
}

// checkReader makes every call fail once the reader is gone; mu is held. Calls that never wait look, too.
func (w *Writer) checkReader(op string) error {
	oieb := w.buffer.Oieb
	// Pairs with the closing reader's store.
	pid := oieb.ReaderPid.Load()
	if pid != wire.PidNone {
		// One that gets on lives, and the kernel need not be asked. Pairs with the reader's store in Next.
		if reads := oieb.PayloadReadCount.Load(); reads != w.reads {
			w.reads = reads
			return nil
		}
	}
	if !w.peer.gone(pid, time.Now()) {
		return nil
	}
	detail := "it has closed the buffer"
	if pid != wire.PidNone {
		detail = fmt.Sprintf("its process %d is dead", pid)
	}
	w.failure = w.fail(ErrorCodeReaderDead, op, detail)
	return w.failure
}

// checkAlive says that the reader is gone, or why the writer is of no use.
func (w *Writer) checkAlive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return w.failure
	}
	return w.checkReader(opWrite)
}

// mode is the permission bits of the buffer, with which its peer can open what we create for it.
func (w *Writer) mode() os.FileMode {
	if own, ok := w.buffer.provider.(*SharedMemory); ok {
		return own.object.Mode() | 0o600
	}
	return os.FileMode(wire.DefaultV2ObjectMode)
}

// rest waits a little for room; mu is held on entry and return.
func (w *Writer) rest(p *pause, need uint64) {
	w.unlocked(func() {
		limit := wire.DefaultV2WaitSlice
		if w.between != nil && w.between() {
			limit = tokenPause
		}
		if !p.spinning() {
			sleep(p.ctx, w.buffer.dataRead, p.deadline, limit)
			return
		}
		p.letOthersRun()
		w.patience.Spin(spinBatch, func() bool {
			free, err := w.ring.Free()
			return err != nil || free >= need || w.buffer.Oieb.ReaderPid.Load() == wire.PidNone
		})
	})
}

// sendExpired says what a writer ran out of time for; mu is held.
func (w *Writer) sendExpired(op string, err error, why string) error {
	if w.turn.buffer {
		return w.expired(op, err, ErrorCodeAcquisitionOpen, "an acquired frame buffer is still out")
	}
	return w.expired(op, err, ErrorCodeBufferFull, why)
}
