namespace ZeroDuplex.Native
{
    /// <summary>What is wanted of the pages of a mapping. Nothing of it changes what the memory holds.</summary>
    internal struct PageWish
    {
        /// <summary>Every page is present and writable before the first use.</summary>
        internal bool Prefault;

        /// <summary>The kernel is asked for huge pages.</summary>
        internal bool HugePages;

        internal bool IsNone
        {
            get { return !Prefault && !HugePages; }
        }
    }
}
