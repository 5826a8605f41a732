package door

import (
	"strings"
	"sync"

	"lastbeat/agent/internal/heart"
)

// Several front doors as one.
type failover struct {
	addresses []string

	mutex sync.Mutex
	next  int
	// Why each of them gave no clear answer when it was asked last.
	reasons map[string]string
}

func newFailover(addresses []string) *failover {
	return &failover{addresses: addresses, reasons: map[string]string{}}
}

func (f *failover) ask(call func(address string) heart.Answer) heart.Answer {
	f.mutex.Lock()
	asked := f.next
	f.mutex.Unlock()
	address := f.addresses[asked]
	answer := call(address)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if answer.Kind != "unclear" {
		delete(f.reasons, address)
		return answer
	}
	// Of two requests that were out at once the second does not step over a door that may be good.
	if f.next == asked {
		f.next = (asked + 1) % len(f.addresses)
	}
	f.reasons[address] = answer.Detail
	answer.Detail = f.why()
	return answer
}

// The reasons of all doors that gave no clear answer, each with its address.
func (f *failover) why() string {
	var all []string
	for _, address := range f.addresses {
		if reason, ok := f.reasons[address]; ok {
			all = append(all, address+": "+reason)
		}
	}
	return strings.Join(all, "; ")
}
