using System;
using System.Collections.Generic;
using System.Globalization;
using ZeroDuplex;

namespace ZeroDuplex.Programs
{
    /// <summary>The flags of a program were wrong.</summary>
    public sealed class UsageException : Exception
    {
        public UsageException(string message)
            : base(message)
        {
        }
    }

    /// <summary>The flags of a program, as --flag value or --flag=value.</summary>
    public sealed class Arguments
    {
        private readonly Dictionary<string, string> given = new Dictionary<string, string>();

        /// <summary>Reads the flags; switches are those that take no value.</summary>
        public Arguments(string[] args, string[] flags, params string[] switches)
        {
            for (int i = 0; i < args.Length; i++)
            {
                string flag = args[i];
                string value = null;
                int equals = flag.IndexOf('=');
                if (equals >= 0)
                {
                    value = flag.Substring(equals + 1);
                    flag = flag.Substring(0, equals);
                }

                if (Array.IndexOf(switches, flag) >= 0)
                {
                    value = value ?? "true";
                }
                else if (Array.IndexOf(flags, flag) < 0)
                {
                    throw new UsageException((flag.StartsWith("-", StringComparison.Ordinal) ? "unknown flag " : "unexpected argument ") + flag);
                }
                else if (value == null)
                {
                    i++;
                    if (i == args.Length)
                    {
                        throw new UsageException(flag + " needs a value");
                    }

                    value = args[i];
                }

                given[flag] = value;
            }
        }

        public string Text(string flag, string otherwise)
        {
            string value;
            return given.TryGetValue(flag, out value) ? value : otherwise;
        }

        public string Required(string flag)
        {
            string value = Text(flag, null);
            if (string.IsNullOrEmpty(value))
            {
                throw new UsageException(flag + " is missing");
            }

            return value;
        }

        public bool Switch(string flag)
        {
            return Text(flag, "false") == "true";
        }

        public long Long(string flag, long otherwise, long least, long most = long.MaxValue)
        {
            string text = Text(flag, null);
            long value = otherwise;
            if (text != null && !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            {
                throw new UsageException(flag + " " + text + " is not a number");
            }

            if (value < least || value > most)
            {
                throw new UsageException(flag + " " + value + (most == long.MaxValue ? " is below " + least : " is not " + least + " to " + most));
            }

            return value;
        }

        public int Int(string flag, int otherwise, int least, int most = int.MaxValue)
        {
            return (int)Long(flag, otherwise, least, most);
        }

        /// <summary>Which protocol a server is to speak.</summary>
        public bool SpeaksV1()
        {
            string text = Text("--protocol", "v2");
            if (text != "v1" && text != "v2")
            {
                throw new UsageException("--protocol " + text + " is not one of v1, v2");
            }

            return text == "v1";
        }

        public WaitStrategy Wait()
        {
            string text = Text("--wait", "hybrid");
            switch (text)
            {
                case "spin": return WaitStrategy.Spin;
                case "hybrid": return WaitStrategy.Hybrid;
                case "block": return WaitStrategy.Block;
                default: throw new UsageException("--wait " + text + " is not one of spin, hybrid, block");
            }
        }
    }
}
