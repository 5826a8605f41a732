package process

import (
	"runtime"
	"sync"
)

// ThreadsOfAgent are those that the agent may need beside those that it starts with: two that run Go code, the one that attends to the command, one
// that waits for signals; and the log, the reports and the files of the machine may each hold one more.
const ThreadsOfAgent = 8

// The watcher reads a pipe, waits, and signals.
const threadsOfWatcher = 2

// More would make the runtime start a thread for each core of the machine.
const atOnce = 2

// ReserveThreads starts so many threads while the container still has room for them. Go's runtime keeps idle threads, and ends the whole process
// when it cannot start one: a command that fills its container with processes would end its agent.
func ReserveThreads(count int) {
	runtime.GOMAXPROCS(min(atOnce, runtime.GOMAXPROCS(0)))
	var started, ended sync.WaitGroup
	release := make(chan struct{})
	for range count {
		started.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			// While it is locked, this thread runs nothing else: each needs one of its own.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started.Done()
			<-release
		}()
	}
	started.Wait()
	close(release)
	ended.Wait()
}
