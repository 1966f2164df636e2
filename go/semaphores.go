package zeroduplex

import (
	"errors"
	"os"

	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// semaphoreKind ties a semaphore's name to its place in a set S of them.
type semaphoreKind[S any] struct {
	kind string
	name func(string) string
	at   func(*S) **sem.Semaphore
}

// semaphoreKinds are all semaphores of a set.
type semaphoreKinds[S any] []semaphoreKind[S]

// replace puts fresh ones in place of whatever the names meant before.
func (kinds semaphoreKinds[S]) replace(name string, mode os.FileMode) (all S, err error) {
	for _, k := range kinds {
		s, err := sem.Replace(wire.SemaphorePath(k.name(name)), wire.TemporaryPath(name, k.kind), mode)
		if err != nil {
			return all, errors.Join(err, kinds.remove(&all, name), kinds.close(&all))
		}
		*k.at(&all) = s
	}
	return all, nil
}

func (kinds semaphoreKinds[S]) open(name string) (all S, err error) {
	for _, k := range kinds {
		s, err := sem.Open(wire.SemaphorePath(k.name(name)))
		if err != nil {
			return all, errors.Join(err, kinds.close(&all))
		}
		*k.at(&all) = s
	}
	return all, nil
}

// remove unlinks the names that still mean these semaphores.
func (kinds semaphoreKinds[S]) remove(all *S, name string) error {
	var errs []error
	for _, k := range kinds {
		if s := *k.at(all); s != nil {
			errs = append(errs, s.RemoveIfSame(wire.SemaphorePath(k.name(name))))
		}
	}
	return errors.Join(errs...)
}

func (kinds semaphoreKinds[S]) close(all *S) error {
	var errs []error
	for _, k := range kinds {
		errs = append(errs, (*k.at(all)).Close())
	}
	return errors.Join(errs...)
}
