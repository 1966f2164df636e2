using System.Threading;

namespace ZeroDuplex
{
    /// <summary>Lends bytes of shared memory to the application.</summary>
    internal interface ILender
    {
        /// <summary>Takes a loan back. A generation that is over means that it was given back before: nothing to do.</summary>
        void TakeBack(Loan loan, long generation);
    }

    /// <summary>Bytes of shared memory that the application has until it gives them back. Loans are reused; a generation tells one use from the next.</summary>
    internal abstract class Loan
    {
        private readonly ILender lender;
        private long generation;

        private protected Loan(ILender lender)
        {
            this.lender = lender;
        }

        /// <summary>Grows with every return, so that stale handles can be told.</summary>
        internal long Generation
        {
            get { return Volatile.Read(ref generation); }
        }

        internal void NextGeneration()
        {
            Volatile.Write(ref generation, generation + 1);
        }

        /// <summary>Gives it back, from any thread.</summary>
        internal void Return(long ofGeneration)
        {
            lender.TakeBack(this, ofGeneration);
        }
    }
}
