class Solution:
    def merge(self, intervals):
        result = []
        for interval in sorted(intervals, key=lambda pair: pair[0]):
            if not result or result[-1][1] < interval[0]:
                result.append(list(interval))
            else:
                result[-1] = [result[-1][0], max(result[-1][1], interval[1])]
        return result
