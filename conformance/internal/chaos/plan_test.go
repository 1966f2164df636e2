package chaos

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var somePair = Pair{"go", "cpp"}

func TestTheSameSeedMakesTheSamePlan(t *testing.T) {
	plan := MakePlan(7, somePair, 300)
	assert.Equal(t, plan, MakePlan(7, somePair, 300))
	assert.NotEqual(t, plan.Rounds, MakePlan(8, somePair, 300).Rounds)
	assert.NotEqual(t, plan.Rounds, MakePlan(7, Pair{"cpp", "go"}, 300).Rounds, "each pair has a plan of its own")
}

// What was planned once stays so: a seed in somebody's notes must mean the same tomorrow. Whoever changes this on purpose says so.
func TestThePlanOfASeedIsKnown(t *testing.T) {
	var what []string
	for _, r := range MakePlan(1, somePair, 8).Rounds {
		what = append(what, r.What())
	}
	assert.Equal(t, []string{
		"kill the client during calls", "kill the client during acquire", "client dies: release: a response is held", "stop the server during acquire",
		"terminate the server during acquire", "close the server during exchange", "stop the server during exchange",
		"server dies: take: a handler runs",
	}, what)
}

func TestAPlanHasEverything(t *testing.T) {
	plan := MakePlan(1, somePair, 3000)
	require.Len(t, plan.Rounds, 3000)
	kinds, sides, loaded, pointed := map[Kind]int{}, map[string]int{}, map[Load]int{}, map[string]int{}
	for i, r := range plan.Rounds {
		assert.Equal(t, i+1, r.Number)
		kinds[r.Kind]++
		sides[r.Side]++
		loaded[r.Load]++
		if r.Kind == Point {
			pointed[r.Point]++
			assert.Equal(t, points[r.Point].side, r.Side)
		}
		if r.Survivor != "" && r.Kind != Stop {
			assert.NotEqual(t, r.Survivor, r.Side, "a survivor must survive")
		}
		assert.Greater(t, r.Channel.Payload/(4*r.Window), uint64(64), "the load must fit the channel")
	}
	assert.Equal(t, serverSide, plan.Rounds[0].Survivor)
	assert.Equal(t, clientSide, plan.Rounds[1500].Survivor)
	assert.Empty(t, plan.Rounds[2999].Survivor)
	for _, kind := range Kinds {
		assert.Positive(t, kinds[kind], kind)
	}
	for _, load := range loads {
		assert.Positive(t, loaded[load], load)
	}
	for name := range points {
		assert.Positive(t, pointed[name], name)
	}
	assert.Positive(t, sides[serverSide])
	assert.Positive(t, sides[clientSide])
}

func TestPairs(t *testing.T) {
	languages := []string{"go", "cpp", "python"}
	for text, want := range map[string][]Pair{
		"go/cpp":              {{"go", "cpp"}},
		"go/cpp,python/go":    {{"go", "cpp"}, {"python", "go"}},
		"go/* go/cpp":         {{"go", "go"}, {"go", "cpp"}, {"go", "python"}},
		"*/python, python/go": {{"go", "python"}, {"cpp", "python"}, {"python", "python"}, {"python", "go"}},
	} {
		got, err := ParsePairs(text, languages)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{
		"": "names no pair", "go": "want server/client", "go/rust": "is no pair of go, cpp, python", "go/cpp,rust/*": `"rust/*"`,
	} {
		_, err := ParsePairs(text, languages)
		assert.ErrorContains(t, err, says, text)
	}
}
