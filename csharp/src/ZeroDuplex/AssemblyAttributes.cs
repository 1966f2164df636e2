using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("ZeroDuplex.Tests")]
