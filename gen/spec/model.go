// Package spec loads the wire format from its YAML file and checks every rule about it. All violations are reported
// together, each with file, line and rule; only a spec without any reaches the rest of the generator.
package spec

import "math/big"

// Spec is the whole file. The `spec` tags name the YAML keys; every key is required unless marked optional.
type Spec struct {
	Node
	Name        string         `spec:"spec"`
	SpecVersion uint64         `spec:"spec_version"`
	ByteOrder   string         `spec:"byte_order"`
	License     string         `spec:"license"`
	Protocols   []Protocol     `spec:"protocols"`
	Roles       []Role         `spec:"roles"`
	Constants   []Constant     `spec:"constants,optional"`
	Structs     []Struct       `spec:"structs"`
	States      []StateMachine `spec:"states,optional"`
	Enums       []Enum         `spec:"enums,optional"`
	Flags       []FlagSet      `spec:"flags,optional"`
	Segments    []Segment      `spec:"segments,optional"`
	Semaphores  []Semaphore    `spec:"semaphores,optional"`
	Paths       []Path         `spec:"paths,optional"`
	Names       NameRules      `spec:"names"`
	Limits      []Constant     `spec:"limits,optional"`
	Defaults    []Default      `spec:"defaults,optional"`
	Errors      []ErrorKind    `spec:"errors"`

	// Digest is the beginning of the SHA-256 of the file, in hexadecimal.
	Digest string
}

// Integer is a number with the base it was written in, so that 0o600 stays octal in every language.
type Integer struct {
	big.Int
	Base int
}

// Protocol is a version of the wire protocol.
type Protocol struct {
	Node
	Name    string   `spec:"name"`
	Version []uint64 `spec:"version"`
	Oieb    string   `spec:"oieb"`
	Doc     string   `spec:"doc"`
}

// Role is a party that writes, posts or waits.
type Role struct {
	Node
	Name string `spec:"name"`
	Doc  string `spec:"doc"`
}

// Constant is a number with a name; constants and limits have the same form.
type Constant struct {
	Node
	Name  string  `spec:"name"`
	Type  string  `spec:"type"`
	Value Integer `spec:"value"`
	Unit  string  `spec:"unit,optional"`
	Doc   string  `spec:"doc"`
}

// Default is a configurable value of one protocol.
type Default struct {
	Node
	Name     string  `spec:"name"`
	Protocol string  `spec:"protocol"`
	Type     string  `spec:"type"`
	Value    Integer `spec:"value"`
	Unit     string  `spec:"unit,optional"`
	Doc      string  `spec:"doc"`
}

// Struct is a block of shared memory with a fixed layout.
type Struct struct {
	Node
	Name      string  `spec:"name"`
	Protocol  string  `spec:"protocol,optional"`
	Size      uint64  `spec:"size"`
	Alignment uint64  `spec:"alignment"`
	Doc       string  `spec:"doc"`
	Fields    []Field `spec:"fields"`
	Words     []Word  `spec:"words,optional"`
}

// Field is a part of a struct. Offset and width are stated so that a reader of the YAML need not compute them.
type Field struct {
	Node
	Name        string   `spec:"name"`
	Offset      uint64   `spec:"offset"`
	Type        string   `spec:"type"`
	Count       *uint64  `spec:"count,optional"`
	Width       uint64   `spec:"width"`
	Unit        string   `spec:"unit,optional"`
	Enum        string   `spec:"enum,optional"`
	Flags       string   `spec:"flags,optional"`
	Doc         string   `spec:"doc"`
	WrittenBy   []Writer `spec:"written_by"`
	Store       string   `spec:"store"`
	Load        string   `spec:"load"`
	PublishedBy string   `spec:"published_by,optional"`
}

// Writer is a role that writes a field, everywhere or only where the struct stands in one region.
type Writer struct {
	Node
	Role string `spec:"role"`
	In   string `spec:"in,optional"`
}

// Word is a second view of adjacent fields, accessed as one atomic number.
type Word struct {
	Node
	Name   string   `spec:"name"`
	Offset uint64   `spec:"offset"`
	Type   string   `spec:"type"`
	Width  uint64   `spec:"width"`
	Covers []string `spec:"covers"`
	Doc    string   `spec:"doc"`
	Store  string   `spec:"store"`
	Load   string   `spec:"load"`
}

// StateMachine lists the states of a field and who may change which into which.
type StateMachine struct {
	Node
	Name        string       `spec:"name"`
	Field       string       `spec:"field"`
	Type        string       `spec:"type"`
	Doc         string       `spec:"doc"`
	Initial     string       `spec:"initial"`
	Final       []string     `spec:"final,optional"`
	Values      []Value      `spec:"values"`
	Transitions []Transition `spec:"transitions"`
}

// Value is a named number of an enumeration or state machine.
type Value struct {
	Node
	Name  string  `spec:"name"`
	Value Integer `spec:"value"`
	Doc   string  `spec:"doc"`
}

// Transition is a legal change of state.
type Transition struct {
	Node
	From   []string `spec:"from"`
	To     string   `spec:"to"`
	By     string   `spec:"by"`
	Action string   `spec:"action"`
	How    string   `spec:"how"`
	Order  string   `spec:"order"`
}

// Enum names some of the values of a field.
type Enum struct {
	Node
	Name   string  `spec:"name"`
	Field  string  `spec:"field"`
	Type   string  `spec:"type"`
	Doc    string  `spec:"doc"`
	Values []Value `spec:"values"`
}

// FlagSet names the bits of a field.
type FlagSet struct {
	Node
	Name  string `spec:"name"`
	Field string `spec:"field"`
	Type  string `spec:"type"`
	Doc   string `spec:"doc"`
	Bits  []Bit  `spec:"bits"`
}

// Bit is one flag.
type Bit struct {
	Node
	Name string `spec:"name"`
	Bit  uint64 `spec:"bit"`
	By   string `spec:"by"`
	Doc  string `spec:"doc"`
}

// Segment is a shared-memory object: regions one behind the other, those of a fixed struct first.
type Segment struct {
	Node
	Name      string    `spec:"name"`
	Protocol  string    `spec:"protocol"`
	Alignment uint64    `spec:"alignment"`
	Doc       string    `spec:"doc"`
	Regions   []Region  `spec:"regions"`
	Examples  []Example `spec:"examples"`
}

// Region is a struct, or a block as large as configured whose end is rounded up to the segment's alignment.
type Region struct {
	Node
	Name    string  `spec:"name"`
	Offset  *uint64 `spec:"offset,optional"`
	Struct  string  `spec:"struct,optional"`
	SizedBy string  `spec:"sized_by,optional"`
	Minimum *uint64 `spec:"minimum,optional"`
	Maximum string  `spec:"maximum,optional"`
	Doc     string  `spec:"doc"`
}

// Example states what a segment looks like for given sizes; the sizes are keys named as in sized_by.
type Example struct {
	Node
	Sizes   map[string]uint64   `spec:",inline"`
	Regions map[string][]uint64 `spec:"regions"`
	Length  uint64              `spec:"length"`
}

// Semaphore is a named semaphore of a channel.
type Semaphore struct {
	Node
	Name     string `spec:"name"`
	Protocol string `spec:"protocol"`
	Template string `spec:"template"`
	Initial  uint64 `spec:"initial"`
	PostedBy string `spec:"posted_by"`
	WaitedBy string `spec:"waited_by"`
	Doc      string `spec:"doc"`
}

// Path is a file or, when a mode is given, a folder.
type Path struct {
	Node
	Name     string   `spec:"name"`
	Template string   `spec:"template"`
	Mode     *Integer `spec:"mode,optional"`
	Doc      string   `spec:"doc"`
}

// NameRules says which channel names are legal.
type NameRules struct {
	Node
	Pattern           string   `spec:"pattern"`
	Minimum           uint64   `spec:"minimum"`
	Maximum           uint64   `spec:"maximum"`
	ForbiddenPrefixes []string `spec:"forbidden_prefixes"`
	Doc               string   `spec:"doc"`
}

// ErrorKind is an error that every SDK raises under the same name.
type ErrorKind struct {
	Node
	Name      string  `spec:"name"`
	Code      Integer `spec:"code"`
	KindOf    string  `spec:"kind_of,optional"`
	Retryable bool    `spec:"retryable"`
	Meaning   string  `spec:"meaning"`
	Remedy    string  `spec:"remedy"`
}
