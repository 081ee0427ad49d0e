"""Sheets of XLSX, ODS and XLS, as a person sees them."""
