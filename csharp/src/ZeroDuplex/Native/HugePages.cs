using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace ZeroDuplex.Native
{
    /// <summary>What the kernel says about huge pages of a mapping, and why there are none.</summary>
    internal static class HugePages
    {
        private const string SizePath = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
        private const string PolicyPath = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
        private const string Untold = "huge pages are asked for, but the kernel does not say whether it gives them: ";

        private static readonly char[] Space = { ' ' };

        /// <summary>How many bytes of a mapping have huge pages, and why it is nothing.</summary>
        internal static long Look(IntPtr address, long size, out string reason)
        {
            long? found;
            try
            {
                found = ParseSmaps(File.ReadLines("/proc/self/smaps"), (ulong)address.ToInt64());
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
            {
                reason = Untold + e.Message;
                return 0;
            }

            if (found == null)
            {
                reason = Untold + "the mapping is not in /proc/self/smaps";
                return 0;
            }

            reason = found > 0 ? string.Empty : WhyNone(size, Content(SizePath), Content(PolicyPath), Content("/proc/self/mountinfo"));
            return found.Value;
        }

        /// <summary>How many bytes of the mapping that begins at an address smaps counts as mapped by huge pages; null when it does not name it.</summary>
        internal static long? ParseSmaps(IEnumerable<string> smaps, ulong address)
        {
            long? found = null;
            foreach (string line in smaps)
            {
                string[] fields = line.Split(Space, StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length < 2)
                {
                    continue;
                }

                if (fields[0] == "ShmemPmdMapped:" || fields[0] == "FilePmdMapped:")
                {
                    long kilobytes;
                    if (found != null && long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out kilobytes))
                    {
                        found += kilobytes << 10;
                    }

                    continue;
                }

                int dash = fields[0].IndexOf('-');
                ulong begin;
                if (dash < 0 || !ulong.TryParse(fields[0].Substring(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out begin))
                {
                    continue;
                }

                if (found != null)
                {
                    break; // the next mapping
                }

                if (begin == address)
                {
                    found = 0;
                }
            }

            return found;
        }

        /// <summary>
        /// Tells from what the kernel says about itself why a mapping of so many bytes has none: the size of one, the policy of shmem_enabled, and
        /// mountinfo.
        /// </summary>
        internal static string WhyNone(long mapped, string pageSize, string policy, string mounts)
        {
            string folder = Path.GetDirectoryName(Wire.ObjectPath("x"));
            long least;
            if (long.TryParse(pageSize.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out least) && mapped < least)
            {
                return "the mapping of " + mapped + " bytes is smaller than a huge page of " + least;
            }

            if (policy.Contains("[deny]"))
            {
                return PolicyPath + " is deny: an administrator can write never into it, so that " + folder + " decides by itself";
            }

            if (!IsMountedHuge(mounts, folder))
            {
                return folder + " is mounted without huge pages: an administrator can allow them by mount -o remount,huge=advise " + folder;
            }

            return "the kernel gave small pages: who created the object did not ask for huge ones, or none were free";
        }

        /// <summary>Whether a folder's file system has huge pages. The last line of a folder is the mount that is seen.</summary>
        private static bool IsMountedHuge(string mounts, string folder)
        {
            bool huge = false;
            foreach (string line in mounts.Split('\n'))
            {
                string[] fields = line.Split(Space, StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length > 4 && fields[4] == folder)
                {
                    huge = line.Contains("huge=") && !line.Contains("huge=never");
                }
            }

            return huge;
        }

        /// <summary>Nothing when it cannot be read, which then says nothing about the reason.</summary>
        private static string Content(string path)
        {
            try
            {
                return File.ReadAllText(path);
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
            {
                return string.Empty;
            }
        }
    }
}
