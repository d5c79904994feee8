"""bench/soak_plot.py: curves of a soak, one below the other, as SVG or as a line of text. No library needed."""
WIDTH, HEIGHT, LEFT, GAP = 900, 90, 110, 26
BLOCKS = '▁▂▃▄▅▆▇█'


def thin(values, count):
    """At most `count` values, each the greatest of its stretch."""
    if len(values) <= count:
        return values
    edges = [i * len(values) // count for i in range(count + 1)]
    return [max(values[a:b]) for a, b in zip(edges, edges[1:])]


def sparkline(values, width=80):
    values = thin(values, width)
    top = max(values, default=0) or 1
    bars = ''.join(BLOCKS[min(7, int(8 * value / top))] for value in values)
    return f'{bars}  0 to {top:g}, last {values[-1]:g}' if values else ''


def curve(samples, column, top_px):
    values, seconds = [row[column] for row in samples], [row['second'] for row in samples]
    most, span = max(values) or 1, (seconds[-1] - seconds[0]) or 1
    points = ' '.join(f'{LEFT + (s - seconds[0]) / span * WIDTH:.1f},{top_px + HEIGHT * (1 - v / most):.1f}'
                      for s, v in zip(seconds, values))
    return (f'<rect x="{LEFT}" y="{top_px}" width="{WIDTH}" height="{HEIGHT}" fill="#f6f6f6"/>'
            f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="1.2"/>'
            f'<text x="{LEFT - 8}" y="{top_px + 12}" text-anchor="end">{most:g}</text>'
            f'<text x="{LEFT - 8}" y="{top_px + HEIGHT}" text-anchor="end">0</text>'
            f'<text x="{LEFT - 8}" y="{top_px + HEIGHT / 2 + 4}" text-anchor="end" font-weight="bold">{column}</text>')


def draw(samples, columns):
    height = len(columns) * (HEIGHT + GAP) + GAP
    body = '\n'.join(curve(samples, column, GAP + i * (HEIGHT + GAP)) for i, column in enumerate(columns))
    minutes = (samples[-1]['second'] - samples[0]['second']) / 60
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>\n{body}\n'
            f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">{minutes:.1f} minutes</text></svg>\n')
