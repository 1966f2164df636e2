package bench

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

// pair is two languages, or twice the same outside peer, and their programs.
type pair struct {
	client, server               string
	outside                      bool // not ours
	clientProgram, serverProgram peers.Command
}

func newPair(client, server peers.Language) pair {
	return pair{client: client.Name, server: server.Name, clientProgram: client.Peer("bench-client"), serverProgram: server.Peer("bench-server")}
}

// choosePairs makes all pairs of languages, or those that were asked for, and the outside pairs.
func (o options) choosePairs() (pairs []pair, err error) {
	languages, err := peers.Find(o.peers, "bench-server", "bench-client")
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	if o.pairs != "" {
		for _, name := range strings.Split(o.pairs, ",") {
			wanted[name] = true
		}
	}
	for _, client := range languages {
		for _, server := range languages {
			name := client.Name + "/" + server.Name
			if o.pairs == "" || wanted[name] {
				pairs = append(pairs, newPair(client, server))
				delete(wanted, name)
			}
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("--pairs: there is no pair %q", name)
	}
	outside, err := outsidePairs(o.outside)
	return append(pairs, outside...), err
}
