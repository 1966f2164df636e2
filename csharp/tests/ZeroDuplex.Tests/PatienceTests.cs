using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    [TestFixture]
    public class PatienceTests
    {
        [Test]
        public void GrowsWithEveryLookThatCameTooEarlyUpToItsBound()
        {
            var patience = new Patience();
            Assert.That(patience.Steps, Is.EqualTo(0));
            patience.Learn(false);
            int first = patience.Steps;
            Assert.That(first, Is.GreaterThan(0));
            for (int i = 0; i < 2 * Patience.Longest; i++)
            {
                patience.Wait();
                patience.Learn(false);
            }

            Assert.That(patience.Steps, Is.EqualTo(Patience.Longest));
        }

        [Test]
        public void ShrinksMoreSlowlyWithEveryLookThatFoundSomething()
        {
            var patience = new Patience();
            patience.Learn(false);
            int before = patience.Steps;
            patience.Learn(true);
            Assert.That(patience.Steps, Is.EqualTo(before - 1));
            Assert.That(patience.Steps, Is.GreaterThan(0), "one look in time does not outweigh one that came too early");
            for (int i = 0; i < before; i++)
            {
                patience.Learn(true);
            }

            Assert.That(patience.Steps, Is.EqualTo(0));
        }
    }
}
