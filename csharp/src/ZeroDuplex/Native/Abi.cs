using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>The numbers of the kernel's interface that differ between the processors that the library runs on.</summary>
    internal static class Abi
    {
        private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

        internal static readonly int OpenNoFollow = Arm ? 0x8000 : 0x20000;
        internal static readonly int OpenTemporary = 0x400000 | (Arm ? 0x4000 : 0x10000); // O_TMPFILE includes O_DIRECTORY
        internal static readonly int FutexCall = Arm ? 98 : 202;
        internal static readonly int StatusCall = Arm ? 291 : 332;

        internal static bool Known
        {
            get { return Arm || RuntimeInformation.ProcessArchitecture == Architecture.X64; }
        }
    }
}
