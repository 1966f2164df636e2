using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>A shared, writable mapping of a whole file.</summary>
    internal sealed class Mapping : SafeHandle
    {
        private static readonly IntPtr Failed = new IntPtr(-1);

        private Mapping(long length)
            : base(Failed, true)
        {
            Length = length;
        }

        public override bool IsInvalid
        {
            get { return handle == Failed; }
        }

        internal long Length { get; }

        /// <summary>Valid until the handle is disposed of; nobody may use it afterwards.</summary>
        internal IntPtr Address
        {
            get { return handle; }
        }

        internal static Mapping Map(Descriptor descriptor, long length)
        {
            var mapping = new Mapping(length);
            mapping.SetHandle(Libc.Map(
                IntPtr.Zero, new UIntPtr((ulong)length), Libc.ProtectRead | Libc.ProtectWrite, Libc.MapShared, descriptor, 0));
            if (mapping.IsInvalid)
            {
                NativeException error = NativeException.Last("map " + length + " bytes");
                mapping.SetHandleAsInvalid();
                throw error;
            }

            return mapping;
        }

        protected override bool ReleaseHandle()
        {
            return Libc.Unmap(handle, new UIntPtr((ulong)Length)) == 0;
        }
    }
}
