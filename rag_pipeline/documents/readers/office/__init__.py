"""What Word files and slides have in common: parts, drawings, charts, diagrams, equations (ECMA-376, ISO/IEC 29500)."""
