package shm

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// madvise is replaced by tests, which play kernels that lack memory or do not know an advice.
var madvise = unix.Madvise

// MapFor maps the whole object for a wish. Huge pages are asked for here, before anything is touched: what is touched before stays small.
func (o *Object) MapFor(wish PageWish) error {
	if err := o.Map(true); err != nil {
		return err
	}
	o.wish, o.pages = wish, PageReport{}
	if !wish.HugePages {
		return nil
	}
	if err := madvise(o.mem, unix.MADV_HUGEPAGE); err != nil {
		o.pages.Reason = fmt.Sprintf("the kernel takes no wish for huge pages: %v", err)
	}
	return nil
}

// PreparePages fulfils the wish of MapFor. ErrNoSpace when there is no memory for a page.
func (o *Object) PreparePages() error {
	if o.wish.Prefault && !o.pages.Prefaulted {
		populated, err := populate(o.mem)
		if err != nil {
			return err
		}
		if !populated {
			// A page that is not reserved, as published v1 processes leave them, would be a SIGBUS where there is no memory for it.
			if err := reserve(o.fd, o.size); err != nil {
				return err
			}
			touch(o.mem)
		}
		o.pages.Prefaulted = true
	}
	if o.wish.HugePages && o.pages.Reason == "" {
		o.pages.HugePageBytes, o.pages.Reason = o.hugePages()
	}
	return nil
}

// Pages is what became of the wish of MapFor.
func (o *Object) Pages() PageReport { return o.pages }

// reservePages reserves every page of a new object. Huge ones can only be had through the mapping that asked for them, and not after
// small ones were reserved, so these are populated first.
func (o *Object) reservePages() (err error) {
	if o.wish.HugePages {
		o.wish.Prefault = true
		if o.pages.Prefaulted, err = populate(o.mem); err != nil {
			return err
		}
	}
	return reserve(o.fd, o.size)
}

// populate makes every page present and writable. False: this kernel does not do that on demand (before 5.14, or it is filtered).
func populate(mem []byte) (bool, error) {
	err := madvise(mem, unix.MADV_POPULATE_WRITE)
	for errors.Is(err, unix.EINTR) {
		err = madvise(mem, unix.MADV_POPULATE_WRITE)
	}
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return false, nil
	case errors.Is(err, unix.EFAULT):
		// What would be a SIGBUS for whoever touches the page.
		err = errors.Join(ErrNoSpace, err)
	case err == nil:
		return true, nil
	}
	return false, fmt.Errorf("prefault %d bytes: %w", len(mem), classify(err))
}

// touch writes to every page without changing it: the other side may work there, and an atomic addition of nothing loses none of its stores.
func touch(mem []byte) {
	base := unsafe.Pointer(unsafe.SliceData(mem))
	for offset := 0; offset < len(mem); offset += os.Getpagesize() {
		// The whole last page is mapped, however little of it the object has.
		atomic.AddUint64((*uint64)(unsafe.Add(base, offset)), 0)
	}
}
