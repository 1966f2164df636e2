// Package sem implements named semaphores that interoperate with glibc's sem_open, sem_post and sem_wait, without cgo.
//
// A semaphore is a 32-byte file in /dev/shm, laid out as spec/zeroduplex.yaml says under named_semaphore: the value in the low and the
// number of waiters in the high half of one 64-bit word, and a flag that makes glibc use process-shared futexes.
package sem
