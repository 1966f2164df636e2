package describe

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestByName(t *testing.T) {
	assert.EqualValues(t, 88, Struct("oieb_v2").Size)
	assert.Equal(t, "v1", Segment("v1").Protocol)
	assert.PanicsWithValue(t, "the specification has no struct x", func() { Struct("x") })
	assert.PanicsWithValue(t, "the specification has no segment x", func() { Segment("x") })
}
