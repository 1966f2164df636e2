using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace ZeroDuplex.Conformance
{
    /// <summary>What was read is no message of the protocol.</summary>
    internal sealed class BadMessageException : Exception
    {
        internal BadMessageException(string message) : base(message) { }
    }

    /// <summary>A message of the protocol.</summary>
    internal interface IMessage
    {
        /// <summary>The message for Json.Write.</summary>
        Dictionary<string, object> Encode();
    }

    /// <summary>Reads a JSON object strictly, member by member.</summary>
    internal sealed class Record
    {
        private readonly string what;
        private readonly Dictionary<string, object> members;
        private readonly HashSet<string> known = new HashSet<string>();

        internal Record(string what, Dictionary<string, object> members)
        {
            this.what = what;
            this.members = members;
        }

        internal string String(string name) { return Typed<string>(name); }
        internal string OptionalString(string name) { return Has(name) ? String(name) : null; }
        internal bool Bool(string name) { return Typed<bool>(name); }
        internal bool? OptionalBool(string name) { return Has(name) ? Bool(name) : (bool?)null; }
        internal ulong Integer(string name) { return Typed<ulong>(name); }
        internal ulong? OptionalInteger(string name) { return Has(name) ? Integer(name) : (ulong?)null; }
        internal long? OptionalSigned(string name) { return Has(name) ? Signed(name) : (long?)null; }
        internal Dictionary<string, object> Object(string name) { return Typed<Dictionary<string, object>>(name); }

        internal long Signed(string name)
        {
            object value = Member(name);
            if (value is ulong && (ulong)value <= long.MaxValue)
            {
                return (long)(ulong)value;
            }
            return Typed<long>(name);
        }

        /// <summary>Refuses members that nobody asked for.</summary>
        internal void End()
        {
            foreach (string name in members.Keys)
            {
                if (!known.Contains(name))
                {
                    throw new BadMessageException(what + " has the unknown member " + name);
                }
            }
        }

        /// <summary>Adds a member unless it is null.</summary>
        internal static void Put(Dictionary<string, object> record, string name, object value)
        {
            if (value != null)
            {
                record.Add(name, value);
            }
        }

        private bool Has(string name)
        {
            known.Add(name);
            return members.ContainsKey(name);
        }

        private object Member(string name)
        {
            if (!Has(name))
            {
                throw new BadMessageException(what + " lacks " + name);
            }
            return members[name];
        }

        private T Typed<T>(string name)
        {
            object value = Member(name);
            if (!(value is T))
            {
                throw new BadMessageException(what + ": " + name + " is no " + typeof(T).Name);
            }
            return (T)value;
        }
    }

    /// <summary>
    /// JSON without floating point: objects are Dictionary, lists List of object, integers ulong, or long when below zero.
    /// </summary>
    internal sealed class Json
    {
        private readonly string text;
        private int at;

        private Json(string text) { this.text = text; }

        /// <summary>Reads one value and nothing behind it.</summary>
        internal static object Parse(string text)
        {
            var json = new Json(text);
            object value = json.Value();
            json.Blank();
            if (json.at != text.Length)
            {
                throw json.Bad("something follows the value");
            }
            return value;
        }

        /// <summary>Writes messages, dictionaries, lists, strings, integers, bools and null.</summary>
        internal static string Write(object value)
        {
            var text = new StringBuilder();
            Write(text, value);
            return text.ToString();
        }

        private static void Write(StringBuilder text, object value)
        {
            var message = value as IMessage;
            if (message != null)
            {
                value = message.Encode();
            }
            var record = value as Dictionary<string, object>;
            var word = value as string;
            var list = value as System.Collections.IEnumerable;
            if (value == null)
            {
                text.Append("null");
            }
            else if (record != null)
            {
                string separator = "{";
                foreach (KeyValuePair<string, object> member in record)
                {
                    text.Append(separator);
                    Quote(text, member.Key);
                    text.Append(':');
                    Write(text, member.Value);
                    separator = ",";
                }
                text.Append(record.Count == 0 ? "{}" : "}");
            }
            else if (word != null)
            {
                Quote(text, word);
            }
            else if (list != null)
            {
                string separator = "";
                text.Append('[');
                foreach (object element in list)
                {
                    text.Append(separator);
                    Write(text, element);
                    separator = ",";
                }
                text.Append(']');
            }
            else if (value is bool)
            {
                text.Append((bool)value ? "true" : "false");
            }
            else
            {
                text.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
            }
        }

        private static void Quote(StringBuilder text, string word)
        {
            text.Append('"');
            foreach (char c in word)
            {
                // Escaping surrogates keeps a text that is cut in half valid JSON.
                if (c < ' ' || c == '"' || c == '\\' || char.IsSurrogate(c))
                {
                    text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                }
                else
                {
                    text.Append(c);
                }
            }
            text.Append('"');
        }

        private object Value()
        {
            switch (Peek())
            {
                case '{': return Members();
                case '[': return Elements();
                case '"': return Text();
                case 't': Word("true"); return true;
                case 'f': Word("false"); return false;
                case 'n': Word("null"); return null;
                default: return Number();
            }
        }

        private Dictionary<string, object> Members()
        {
            var record = new Dictionary<string, object>();
            at++;
            if (Peek() == '}')
            {
                at++;
                return record;
            }
            while (true)
            {
                Peek();
                string name = Text();
                Expect(':');
                if (record.ContainsKey(name))
                {
                    throw Bad(name + " is there twice");
                }
                record.Add(name, Value());
                if (Peek() != ',')
                {
                    Expect('}');
                    return record;
                }
                at++;
            }
        }

        private List<object> Elements()
        {
            var list = new List<object>();
            at++;
            if (Peek() == ']')
            {
                at++;
                return list;
            }
            while (true)
            {
                list.Add(Value());
                if (Peek() != ',')
                {
                    Expect(']');
                    return list;
                }
                at++;
            }
        }

        private string Text()
        {
            var word = new StringBuilder();
            Expect('"');
            while (true)
            {
                char c = Next();
                if (c == '"')
                {
                    return word.ToString();
                }
                word.Append(c == '\\' ? Escape() : c);
            }
        }

        private char Escape()
        {
            char c = Next();
            int simple = "\"\\/bfnrt".IndexOf(c);
            if (simple >= 0)
            {
                return "\"\\/\b\f\n\r\t"[simple];
            }
            ushort code;
            if (c != 'u' || at + 4 > text.Length ||
                !ushort.TryParse(text.Substring(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
            {
                throw Bad("bad escape");
            }
            at += 4;
            return (char)code;
        }

        private object Number()
        {
            int start = at;
            while (at < text.Length && (char.IsDigit(text[at]) || text[at] == '-'))
            {
                at++;
            }
            string digits = text.Substring(start, at - start);
            ulong number;
            long signed;
            if (ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number))
            {
                return number;
            }
            if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out signed))
            {
                return signed;
            }
            throw Bad("no value, or a number that is no integer");
        }

        private void Word(string word)
        {
            foreach (char c in word)
            {
                if (Next() != c)
                {
                    throw Bad("no value");
                }
            }
        }

        private void Expect(char wanted)
        {
            Blank();
            if (Next() != wanted)
            {
                throw Bad("expected " + wanted);
            }
        }

        private char Peek()
        {
            Blank();
            char c = Next();
            at--;
            return c;
        }

        private char Next()
        {
            if (at >= text.Length)
            {
                throw Bad("the text ends early");
            }
            return text[at++];
        }

        private void Blank()
        {
            while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0)
            {
                at++;
            }
        }

        private BadMessageException Bad(string why)
        {
            return new BadMessageException("bad JSON at character " + at.ToString(CultureInfo.InvariantCulture) + ": " + why);
        }
    }

    /// <summary>CRC-32 as zlib computes it.</summary>
    internal static class Crc32
    {
        private static readonly uint[] Table = MakeTable();

        /// <summary>Goes on from a former digest, 0 to begin with.</summary>
        internal static uint Of(ReadOnlySpan<byte> data, uint digest = 0)
        {
            uint crc = ~digest;
            foreach (byte b in data)
            {
                crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
            }
            return ~crc;
        }

        private static uint[] MakeTable()
        {
            var table = new uint[256];
            for (uint i = 0; i < 256; i++)
            {
                uint value = i;
                for (int bit = 0; bit < 8; bit++)
                {
                    value = (value & 1) != 0 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
                }
                table[i] = value;
            }
            return table;
        }
    }
}
