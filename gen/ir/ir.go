// Package ir holds the resolved wire format: every offset, size, identity word, transition and template in the form
// in which back ends print it. A back end does no arithmetic and takes no decision about the protocol; what it would
// need to compute belongs here. The IR can be dumped as JSON (`zdgen -dump-ir`).
package ir

// Document is the whole wire format.
type Document struct {
	// Marker is the text of the first line of every generated file, without comment signs.
	Marker      string         `json:"marker"`
	Digest      string         `json:"digest"`
	Name        string         `json:"name"`
	SpecVersion uint64         `json:"spec_version"`
	ByteOrder   string         `json:"byte_order"`
	Protocols   []Protocol     `json:"protocols"`
	Roles       []Role         `json:"roles"`
	Constants   []Constant     `json:"constants"`
	Limits      []Constant     `json:"limits"`
	Defaults    []Default      `json:"defaults"`
	Structs     []Struct       `json:"structs"`
	States      []StateMachine `json:"states"`
	Enums       []Enum         `json:"enums"`
	Flags       []FlagSet      `json:"flags"`
	Segments    []Segment      `json:"segments"`
	Semaphores  []Semaphore    `json:"semaphores"`
	Paths       []Path         `json:"paths"`
	Names       NameRules      `json:"names"`
	// Errors are ordered so that a kind stands before its sub-kinds, else by code.
	Errors []ErrorKind `json:"errors"`
}

// Integer is a number as text in the base the spec uses: 64, 0x40 or 0o600.
type Integer struct {
	Decimal string `json:"decimal"`
	Base    int    `json:"base"`
	// Digits are the digits in Base without prefix or sign, upper-case.
	Digits   string `json:"digits"`
	Negative bool   `json:"negative"`
}

// Protocol is a version of the wire protocol.
type Protocol struct {
	Name    string    `json:"name"`
	Version [4]uint64 `json:"version"`
	// Components names the parts of Version, in its order.
	Components [4]string `json:"components"`
	Oieb       string    `json:"oieb"`
	Doc        string    `json:"doc"`
	// IdentityWord is the little-endian number formed by size and version at the start of a segment.
	IdentityWord Integer `json:"identity_word"`
}

// Role is a party; Index counts from 1.
type Role struct {
	Name  string `json:"name"`
	Index int    `json:"index"`
	Doc   string `json:"doc"`
}

// Constant is a named number.
type Constant struct {
	Name  string  `json:"name"`
	Type  Scalar  `json:"type"`
	Value Integer `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	Doc   string  `json:"doc"`
}

// Default is a named number of one protocol. Duration is set when its unit is one of time.
type Default struct {
	Constant
	Protocol string    `json:"protocol"`
	Duration *Duration `json:"duration,omitempty"`
}

// Duration names the unit in which the number of a default counts.
type Duration string

// The units of time.
const (
	Milliseconds Duration = "milliseconds"
	Microseconds Duration = "microseconds"
)

// Scalar is a number type: u8 … u64, i8 … i64.
type Scalar string

// Struct is a block with a fixed layout.
type Struct struct {
	Name      string  `json:"name"`
	Protocol  string  `json:"protocol,omitempty"`
	Size      uint64  `json:"size"`
	Alignment uint64  `json:"alignment"`
	Doc       string  `json:"doc"`
	Fields    []Field `json:"fields"`
	Words     []Word  `json:"words"`
	// Rows are the 32-bit rows of the layout ruler.
	Rows []RulerRow `json:"rows"`
}

// Field is a part of a struct.
type Field struct {
	Name   string `json:"name"`
	Offset uint64 `json:"offset"`
	Type   Scalar `json:"type"`
	// Count is the number of elements of an array, 0 for a single number.
	Count       uint64   `json:"count,omitempty"`
	Width       uint64   `json:"width"`
	Unit        string   `json:"unit,omitempty"`
	Enum        string   `json:"enum,omitempty"`
	Flags       string   `json:"flags,omitempty"`
	Doc         string   `json:"doc"`
	Writers     []Writer `json:"writers"`
	Store       string   `json:"store"`
	Load        string   `json:"load"`
	PublishedBy string   `json:"published_by,omitempty"`
	// Atomic says that the field itself is accessed atomically: not plain, and not through a word.
	Atomic bool `json:"atomic"`
	// Word is the word that covers the field, if one does.
	Word string `json:"word,omitempty"`
}

// Writer is a role that writes a field, everywhere or in one region.
type Writer struct {
	Role   string `json:"role"`
	Region string `json:"region,omitempty"`
}

// Word is a second view of adjacent fields as one atomic number.
type Word struct {
	Name   string   `json:"name"`
	Offset uint64   `json:"offset"`
	Type   Scalar   `json:"type"`
	Width  uint64   `json:"width"`
	Covers []string `json:"covers"`
	Doc    string   `json:"doc"`
	Store  string   `json:"store"`
	Load   string   `json:"load"`
}

// RulerRow is one row of a layout ruler: 32 bits wide, or several of them when one field fills them all.
type RulerRow struct {
	Offset uint64      `json:"offset"`
	Lines  int         `json:"lines"`
	Cells  []RulerCell `json:"cells"`
	Last   bool        `json:"last"`
}

// RulerCell is one field in a row; Bits is its width there.
type RulerCell struct {
	Label string `json:"label"`
	Bits  int    `json:"bits"`
}

// StateMachine lists states and legal transitions.
type StateMachine struct {
	Enum
	Initial     string       `json:"initial"`
	Transitions []Transition `json:"transitions"`
	// Moves is the same grouped by role and state, for generated checks.
	Moves []RoleMoves `json:"moves"`
}

// Transition is a legal change of state as the spec states it.
type Transition struct {
	From   []string `json:"from"`
	To     string   `json:"to"`
	By     string   `json:"by"`
	Action string   `json:"action"`
	How    string   `json:"how"`
	Order  string   `json:"order"`
}

// RoleMoves is what one role may do.
type RoleMoves struct {
	Role string  `json:"role"`
	From []Moves `json:"from"`
}

// Moves lists where one state may go.
type Moves struct {
	From string   `json:"from"`
	To   []string `json:"to"`
}

// Enum names values of a field.
type Enum struct {
	Name   string  `json:"name"`
	Field  string  `json:"field"`
	Type   Scalar  `json:"type"`
	Doc    string  `json:"doc"`
	Values []Value `json:"values"`
}

// Value is a named number.
type Value struct {
	Name  string  `json:"name"`
	Value Integer `json:"value"`
	Doc   string  `json:"doc"`
}

// FlagSet names the bits of a field.
type FlagSet struct {
	Name  string `json:"name"`
	Field string `json:"field"`
	Type  Scalar `json:"type"`
	Doc   string `json:"doc"`
	Bits  []Bit  `json:"bits"`
}

// Bit is one flag.
type Bit struct {
	Name string `json:"name"`
	Bit  uint64 `json:"bit"`
	By   string `json:"by"`
	Doc  string `json:"doc"`
}

// Segment is a shared-memory object.
type Segment struct {
	Name      string `json:"name"`
	Protocol  string `json:"protocol"`
	Alignment uint64 `json:"alignment"`
	Doc       string `json:"doc"`
	// Inputs are the configurable sizes, in the order in which the regions use them.
	Inputs   []Input   `json:"inputs"`
	Regions  []Region  `json:"regions"`
	Examples []Example `json:"examples"`
	// Stated says that the segment has configurable regions at all.
	Sized bool `json:"sized"`
	// FixedLength is the length when no region is configurable, else the offset of the first configurable one.
	FixedLength uint64 `json:"fixed_length"`
	// LastSized is the region whose end is the length, when Sized.
	LastSized string `json:"last_sized,omitempty"`
}

// Input is a configurable size; Maximum names the limit that applies to it.
type Input struct {
	Name    string `json:"name"`
	Maximum string `json:"maximum"`
}

// Region is one region. A fixed one has Struct; a sized one has Input, Minimum and Maximum, and starts at Offset when
// that is known, else where the region After ends.
type Region struct {
	Name    string  `json:"name"`
	Doc     string  `json:"doc"`
	Struct  string  `json:"struct,omitempty"`
	Offset  *uint64 `json:"offset,omitempty"`
	Size    uint64  `json:"size,omitempty"`
	Input   string  `json:"input,omitempty"`
	After   string  `json:"after,omitempty"`
	Minimum uint64  `json:"minimum,omitempty"`
	Maximum string  `json:"maximum,omitempty"`
}

// Example is a worked example: the sizes asked for and where everything ends up.
type Example struct {
	Inputs  []ExampleInput  `json:"inputs"`
	Regions []ExampleRegion `json:"regions"`
	Length  uint64          `json:"length"`
}

// ExampleInput is one size asked for.
type ExampleInput struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// ExampleRegion is one resolved region.
type ExampleRegion struct {
	Name   string `json:"name"`
	Offset uint64 `json:"offset"`
	Size   uint64 `json:"size"`
	End    uint64 `json:"end"`
}

// Template is a name made of fixed text and parameters.
type Template struct {
	Text  string `json:"text"`
	Parts []Part `json:"parts"`
	// Parameters are the distinct parameters in order of appearance.
	Parameters []string `json:"parameters"`
}

// Part is a literal or a parameter.
type Part struct {
	Literal   string `json:"literal,omitempty"`
	Parameter string `json:"parameter,omitempty"`
}

// Semaphore is a named semaphore of a channel.
type Semaphore struct {
	Name     string   `json:"name"`
	Protocol string   `json:"protocol"`
	Template Template `json:"template"`
	Initial  uint64   `json:"initial"`
	PostedBy string   `json:"posted_by"`
	WaitedBy string   `json:"waited_by"`
	Doc      string   `json:"doc"`
}

// Path is a file or folder; Mode is set for folders.
type Path struct {
	Name     string   `json:"name"`
	Template Template `json:"template"`
	Mode     *Integer `json:"mode,omitempty"`
	Doc      string   `json:"doc"`
}

// NameRules says which channel names are legal.
type NameRules struct {
	// Pattern is the class of legal bytes, Ranges the same as first and last byte, Singles the bytes that stand alone.
	Pattern           string      `json:"pattern"`
	Ranges            []ByteRange `json:"ranges"`
	Singles           string      `json:"singles"`
	Minimum           uint64      `json:"minimum"`
	Maximum           uint64      `json:"maximum"`
	ForbiddenPrefixes []string    `json:"forbidden_prefixes"`
	Doc               string      `json:"doc"`
}

// ByteRange is an inclusive range of ASCII characters.
type ByteRange struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// ErrorKind is an error of every SDK.
type ErrorKind struct {
	Name      string `json:"name"`
	Code      int32  `json:"code"`
	Parent    string `json:"parent,omitempty"`
	Retryable bool   `json:"retryable"`
	Meaning   string `json:"meaning"`
	Remedy    string `json:"remedy"`
}
