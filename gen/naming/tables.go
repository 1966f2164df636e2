package naming

// Go is the naming table of Go. Predeclared identifiers count as reserved because emitted functions use them
// beside their parameters.
var Go = &Language{
	Name: "go",
	cases: map[Kind]Case{
		Type: Pascal, Field: Pascal, Member: Pascal, Constant: Pascal, Function: Pascal, Parameter: Camel,
	},
	reserved: words(`
		break case chan const continue default defer else fallthrough for func go goto if import interface map
		package range return select struct switch type var`, `
		any bool byte complex64 complex128 error false float32 float64 int int8 int16 int32 int64 iota nil rune
		string true uint uint8 uint16 uint32 uint64 uintptr append cap clear close complex copy delete imag len
		make max min new panic print println real recover`, `
		strings strconv time atomic unsafe structs`),
}

// Cpp is the naming table of C++20. The macros are those of headers that nearly every POSIX program includes.
var Cpp = &Language{
	Name: "cpp",
	cases: map[Kind]Case{
		Type: Pascal, Field: Snake, Member: Snake, Constant: Snake, Function: Snake, Parameter: Snake,
	},
	reserved: words(`
		alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
		compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype
		default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline
		int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
		reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template
		this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
		while xor xor_eq`, `
		assert errno stdin stdout stderr major minor makedev unix linux std zeroduplex wire`),
}

// CSharp is the naming table of C#. The Pascal-cased words are members that every object has. A few exceptions
// are renamed: with `using System;`, which every file has, their mechanical names would be ambiguous.
var CSharp = &Language{
	Name: "csharp",
	cases: map[Kind]Case{
		Type: Pascal, Field: Pascal, Member: Pascal, Constant: Pascal, Function: Pascal, Parameter: Camel,
	},
	reserved: words(`
		abstract as base bool break byte case catch char checked class const continue decimal default delegate do
		double else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface
		internal is lock long namespace new null object operator out override params private protected public readonly
		ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint
		ulong unchecked unsafe ushort using virtual void volatile while`, `
		Equals Finalize GetHashCode GetType MemberwiseClone ReferenceEquals ToString Wire`),
	renames: map[string]string{
		"OutOfMemoryException": "ZeroDuplexOutOfMemoryException",
		"TimeoutException":     "ZeroDuplexTimeoutException",
		"SystemException":      "ZeroDuplexSystemException",
	},
}

// Python is the naming table of Python. Builtins count as reserved where emitted functions use them.
var Python = &Language{
	Name: "python",
	cases: map[Kind]Case{
		Type: Pascal, Field: Snake, Member: Upper, Constant: Upper, Function: Snake, Parameter: Snake,
	},
	reserved: words(`
		False None True and as assert async await break class continue def del elif else except finally for from
		global if import in is lambda nonlocal not or pass raise return try while with yield`, `
		all any bool bytes dict enum frozenset int isinstance len list set str super tuple type`),
}
