"""What the chapters share: architectures, data, drawing."""
