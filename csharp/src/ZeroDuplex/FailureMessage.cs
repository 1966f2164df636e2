using System;

namespace ZeroDuplex
{
    /// <summary>What a handler that failed tells the client.</summary>
    internal static class FailureMessage
    {
        /// <summary>An exception's message, also of one whose message fails.</summary>
        internal static string Of(Exception error)
        {
            try
            {
                return error.Message ?? string.Empty;
            }
            catch (Exception)
            {
                return error.GetType().FullName;
            }
        }

        /// <summary>How many bytes of a UTF-8 text of at most so many bytes end at a character's boundary.</summary>
        internal static int Cut(byte[] text, int most)
        {
            int n = Math.Min(text.Length, most);
            while (n > 0 && n < text.Length && (text[n] & 0xC0) == 0x80)
            {
                n--;
            }

            return n;
        }
    }
}
