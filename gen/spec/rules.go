package spec

// Rule identifies what a spec violates; it stands in brackets behind every message.
type Rule string

// The rules. Each has a fixture testdata/invalid/<rule>.yaml that violates it alone.
const (
	RuleSyntax        Rule = "syntax"         // the file is one YAML document
	RuleUnknownKey    Rule = "unknown-key"    // every key is known
	RuleMissingKey    Rule = "missing-key"    // every key that is not optional is there
	RuleDuplicateKey  Rule = "duplicate-key"  // no mapping has a key twice
	RuleBadValue      Rule = "bad-value"      // values have the form the key needs
	RuleNameCase      Rule = "name-case"      // names are lower_snake_case
	RuleDuplicateName Rule = "duplicate-name" // names are unique where they are looked up
	RuleDuplicate     Rule = "duplicate"      // values, codes, bits, versions and transitions are unique
	RuleCollision     Rule = "collision"      // no two generated identifiers are equal
	RuleReservedWord  Rule = "reserved-word"  // no language needs the identifier for something else

	RuleByteOrder Rule = "byte-order" // the byte order is little_endian
	RuleVersion   Rule = "version"    // versions are major, minor, patch, 0, and the protocol's name is v<major>
	RuleIdentity  Rule = "identity"   // a protocol's first struct begins with a u32 size and a 4-byte version

	RuleUnknownType      Rule = "unknown-type"      // number types are u8 … u64, i8 … i64
	RuleUnknownRole      Rule = "unknown-role"      // roles are listed under roles
	RuleUnknownOrder     Rule = "unknown-order"     // memory orders are those of C++, or plain
	RuleUnknownState     Rule = "unknown-state"     // transitions, initial and final name states
	RuleUnknownReference Rule = "unknown-reference" // every other name refers to something that exists
	RuleBackReference    Rule = "back-reference"    // field and enumeration name each other, with one type
	RuleRange            Rule = "range"             // values fit their type

	RuleWidth        Rule = "width"        // a field's width is type × count
	RuleOverlap      Rule = "overlap"      // no field begins before the one before it ends
	RuleGap          Rule = "gap"          // no field begins later than the one before it ends
	RuleMisalignment Rule = "misalignment" // fields stand on a multiple of their type's width
	RuleStructSize   Rule = "struct-size"  // a struct ends where its last field ends
	RuleAlignment    Rule = "alignment"    // alignments are powers of two that divide the size
	RuleWordCover    Rule = "word-cover"   // a word covers adjacent fields, from its offset to its end
	RuleWordWidth    Rule = "word-width"   // a word's width is that of its type
	RuleAtomicType   Rule = "atomic-type"  // what is accessed atomically is one number of 4 or 8 bytes
	RulePublication  Rule = "publication"  // only plain fields are published by another one

	RuleUnreachableState Rule = "unreachable-state" // every state can be reached from the initial one
	RuleDeadEnd          Rule = "dead-end"          // every state but a final one can be left

	RuleRegionKind     Rule = "region-kind"     // a region is a struct, or sized with minimum and maximum
	RuleRegionOrder    Rule = "region-order"    // structs come before regions of configurable size
	RuleRegionOffset   Rule = "region-offset"   // a stated offset is where the region before ends
	RuleRegionOverflow Rule = "region-overflow" // the largest segment fits 63 bits
	RuleExample        Rule = "example"         // worked examples are right

	RuleTemplate     Rule = "template"      // templates have known parameters, {name} among them
	RuleNamePattern  Rule = "name-pattern"  // the pattern is a character class, minimum ≤ maximum
	RuleDefaultLimit Rule = "default-limit" // a default lies between the limits of its name
	RuleErrorParent  Rule = "error-parent"  // kind_of names another error, without cycles
	RuleErrorCode    Rule = "error-code"    // codes are from 1 to 2^31-1
)
