using System;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <summary>Waiting that a task stands for.</summary>
    internal static class OwnThread
    {
        /// <summary>Not the thread pool's: a pool whose threads all wait here could not run what they wait for.</summary>
        internal static Task<T> Run<T>(Func<T> wait, CancellationToken token)
        {
            const TaskCreationOptions Own = TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach;
            return Task.Factory.StartNew(wait, token, Own, TaskScheduler.Default);
        }

        /// <summary>A thread that does not keep the process alive.</summary>
        internal static void Start(string role, Action body)
        {
            new Thread(() => body()) { IsBackground = true, Name = "zeroduplex " + role }.Start();
        }
    }
}
