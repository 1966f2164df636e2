package spec

// Rule identifies what a spec violates.
type Rule string

const (
	RuleSyntax       Rule = "syntax"
	RuleUnknownKey   Rule = "unknown-key"
	RuleMissingKey   Rule = "missing-key"
	RuleDuplicateKey Rule = "duplicate-key"
	RuleBadValue     Rule = "bad-value"
)
