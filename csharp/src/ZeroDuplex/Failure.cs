namespace ZeroDuplex
{
    /// <summary>Why something is of no use any more. Each call that it fails gets an exception of its own.</summary>
    internal sealed class Failure
    {
        private readonly string detail;

        internal Failure(ErrorCode code, string detail)
        {
            Code = code;
            this.detail = detail;
        }

        internal ErrorCode Code { get; }

        internal ZeroDuplexException ToException(string operation, string channel)
        {
            return Failures.Make(Code, operation, channel, detail);
        }
    }
}
