using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("ZeroDuplex.Tests")]
[assembly: InternalsVisibleTo("ZeroDuplex.Agent")] // the conformance agent measures the wire structs
