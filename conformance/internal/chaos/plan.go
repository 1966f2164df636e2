// Package chaos kills, stops and closes peers at random moments and at named points, and judges what the others make of it.
//
// A plan follows from the seed alone. The peers are the conformance agents, processes of their own that do one operation at a time, so
// that one can be ended between two of them, or in the middle of a loop that runs inside the SDK. The SDKs have no hooks for this.
package chaos

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// Kind is what happens to a peer.
type Kind string

// The kinds of events.
const (
	Kill      Kind = "kill"      // SIGKILL in the middle of the load
	Terminate Kind = "terminate" // SIGTERM, which agents do not handle: a death as well, in another way
	Stop      Kind = "stop"      // SIGSTOP and, later, SIGCONT; a stopped peer is not dead
	Close     Kind = "close"     // an orderly close in the middle of the load
	Point     Kind = "point"     // death at a named point
)

// Kinds lists all kinds in the order in which they are shown.
var Kinds = []Kind{Kill, Terminate, Stop, Close, Point}

// Pair is who talks to whom.
type Pair struct {
	Server string `json:"server"`
	Client string `json:"client"`
}

func (p Pair) String() string { return p.Server + "/" + p.Client }

// Load is what the peers do when the event comes.
type Load string

// The loads.
const (
	Exchange Load = "exchange" // a tight loop in one thread, several requests in flight
	Acquire  Load = "acquire"  // the same through acquired buffers
	Calls    Load = "calls"    // several threads call
	OneWay   Load = "one-way"  // requests that nobody waits for, and calls between them
	Idle     Load = "idle"     // nothing
)

var loads = []Load{Exchange, Exchange, Exchange, Acquire, Acquire, Calls, Calls, OneWay, Idle}

// Channel is how a server, or a client, is made the next time that one is.
type Channel struct {
	Payload    uint64 `json:"payload"`
	Workers    uint64 `json:"workers"`
	ServerWait string `json:"server_wait"`
	ClientWait string `json:"client_wait"`
}

// Round is one event and everything random around it.
type Round struct {
	Number    int     `json:"number"`
	Kind      Kind    `json:"kind"`
	Side      string  `json:"side"` // whom it happens to: server or client
	Point     string  `json:"point,omitempty"`
	Load      Load    `json:"load"`
	Window    uint64  `json:"window"`
	Step      uint64  `json:"step"`      // how the sizes of frames vary
	Delay     int     `json:"delay_us"`  // from the beginning of the load to the event
	Pause     int     `json:"pause_ms"`  // how long a stopped peer is stopped
	Impatient bool    `json:"impatient"` // the successor comes at once, not when the death was noticed
	Channel   Channel `json:"channel"`
	Survivor  string  `json:"survivor"` // whose process is to live through many rounds; empty in the mixed part
}

// What is a round in words.
func (r Round) What() string {
	text := fmt.Sprintf("%s the %s", r.Kind, r.Side)
	if r.Kind == Point {
		return fmt.Sprintf("%s dies: %s", r.Side, r.Point)
	}
	return text + " during " + string(r.Load)
}

// Plan is what will happen to one pair.
type Plan struct {
	Pair   Pair    `json:"pair"`
	Rounds []Round `json:"rounds"`
}

// MakePlan makes the plan of a pair. It depends on nothing but its arguments; the other pairs of a run do not change it.
func MakePlan(seed uint64, pair Pair, rounds int) Plan {
	hash := fnv.New64a()
	fmt.Fprint(hash, pair)
	random := rand.New(rand.NewPCG(seed, hash.Sum64()))
	plan := Plan{Pair: pair}
	for n := range rounds {
		// In the first third of the rounds the server lives through everything, in the second the client, then anything goes.
		survivor := ""
		switch 3 * n / max(rounds, 1) {
		case 0:
			survivor = agentproto.RoleServer
		case 1:
			survivor = agentproto.RoleClient
		}
		plan.Rounds = append(plan.Rounds, makeRound(random, n+1, survivor))
	}
	return plan
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

func makeRound(random *rand.Rand, number int, survivor string) Round {
	// Every round draws the same numbers in the same order, whatever they are used for.
	r := Round{
		Number: number, Survivor: survivor,
		Kind:      pick(random, []Kind{Kill, Kill, Kill, Terminate, Stop, Close, Point, Point, Point}),
		Side:      pick(random, []string{agentproto.RoleServer, agentproto.RoleClient}),
		Load:      pick(random, loads),
		Window:    1 + random.Uint64N(6),
		Step:      1 + random.Uint64N(700),
		Delay:     int(pick(random, []float64{2e3, 1e4, 4e4, 1.5e5}) * random.Float64()),
		Pause:     20 + random.IntN(480),
		Impatient: random.IntN(2) == 0,
		Channel: Channel{
			Payload: pick(random, []uint64{8 << 10, 64 << 10, 1 << 20}), Workers: pick(random, []uint64{1, 1, 3}),
			ServerWait: pick(random, []string{"hybrid", "hybrid", "block", "block", "spin"}),
			ClientWait: pick(random, []string{"hybrid", "hybrid", "block", "block", "spin"}),
		},
	}
	place := random.IntN(1 << 16)
	if r.Kind != Stop && survivor != "" {
		r.Side = other(survivor)
	}
	if r.Kind == Point {
		names := pointsOf(r.Side)
		r.Point = names[place%len(names)]
	}
	return r
}

func other(role string) string {
	if role == agentproto.RoleServer {
		return agentproto.RoleClient
	}
	return agentproto.RoleServer
}

// ParsePairs reads a list such as "go/cpp,python/*", server first. A star stands for every language.
func ParsePairs(text string, languages []string) ([]Pair, error) {
	var pairs []Pair
	known := map[Pair]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		server, client, ok := strings.Cut(word, "/")
		if !ok {
			return nil, fmt.Errorf("%q is no pair: want server/client, such as go/cpp", word)
		}
		found := false
		for _, s := range languages {
			for _, c := range languages {
				p := Pair{s, c}
				if (server != "*" && server != s) || (client != "*" && client != c) {
					continue
				}
				found = true
				if !known[p] {
					known[p] = true
					pairs = append(pairs, p)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("%q is no pair of %s", word, strings.Join(languages, ", "))
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("%q names no pair", text)
	}
	return pairs, nil
}
